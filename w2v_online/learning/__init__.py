"""The learner and its parts: vocabulary, sampler, tree, matrices, objectives."""
