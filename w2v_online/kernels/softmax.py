"""Windows as lists of pairs, for the exact softmax."""

from __future__ import annotations

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import below


@kernel
def list_windows(
    ids,
    sentence_ends,
    window,
    words,
    step_centers,
    state,
    contexts,
    context_ends,
    centers,
    steps_end,
):
    """Write the sentences' centres, step by step; return how many steps there are.

    Parameters
    ----------
    ids : int32[n], rows of words
    sentence_ends : int64[s], where each sentence ends in ``ids``
    window : int, largest distance of a context; each centre draws its own in [1, window]
    words : int, centres from this row on are left out
    step_centers : int, centres of a sentence that make a step at most
    state : uint64[1], generator; advanced as by the other kernels
    contexts : int32[2 * window * n], written: the contexts of one centre after the other
    context_ends : int64[n], written: where each centre's contexts end
    centers : int32[n], written: the centres
    steps_end : int64[n], written: where each step ends in ``centers``

    """
    n_centers = 0
    n_contexts = 0
    n_steps = 0
    start = 0
    for sentence in range(len(sentence_ends)):
        end = sentence_ends[sentence]
        step = 0
        if end - start > 1:
            for pos in range(start, end):
                reach = window - below(state, window)
                if ids[pos] >= words:
                    continue
                for other in range(max(start, pos - reach), min(end, pos + reach + 1)):
                    if other != pos:
                        contexts[n_contexts] = ids[other]
                        n_contexts += 1
                context_ends[n_centers] = n_contexts
                centers[n_centers] = ids[pos]
                n_centers += 1
                step += 1
                if step == step_centers:
                    steps_end[n_steps] = n_centers
                    n_steps += 1
                    step = 0
            if step > 0:
                steps_end[n_steps] = n_centers
                n_steps += 1
        start = end
    return n_steps
