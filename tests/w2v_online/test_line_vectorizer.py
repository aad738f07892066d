"""Our step in a scikit-learn pipeline: fitted, saved by joblib, and in other processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

pytest.importorskip("sklearn")
joblib = pytest.importorskip("joblib")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_pipeline_is_fitted_saved_and_judged_in_processes(tmp_path: Path) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline

    from w2v_online.line_vectorizer import LineVectorizer

    model = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, sample=0))
    lines = [f"{'cat dog' if i % 2 else 'tax law'} w{i % 9}" for i in range(120)]
    labels = np.arange(120) % 2
    model.learn([line.split() for line in lines] * 60)
    model.snapshot(tmp_path / "s")
    for vectors in (str(tmp_path / "s"), load_vectors(tmp_path / "s")):
        pipeline = make_pipeline(LineVectorizer(vectors), LogisticRegression())
        pipeline.fit(lines, labels)
        joblib.dump(pipeline, tmp_path / "pipeline")
        assert (tmp_path / "pipeline").stat().st_size < 10_000
        again = joblib.load(tmp_path / "pipeline")
        np.testing.assert_array_equal(again.predict(lines), labels)
        with pytest.raises(NotFittedError):
            LineVectorizer(vectors).transform(lines)
        assert cross_val_score(pipeline, lines, labels, cv=3, n_jobs=2).mean() == 1.0
