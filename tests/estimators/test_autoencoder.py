"""AutoencoderTransformer: codes and back, scores, frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from tests.estimators.support import IRIS, SPECIES, classifier

from pellucid.estimators import AutoencoderTransformer


def autoencoder(**options: Any) -> AutoencoderTransformer:
    return AutoencoderTransformer(
        **{"hidden_layer_sizes": (16,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0, **options}
    )


def test_codes_and_back() -> None:
    net = autoencoder().fit(IRIS)
    codes = net.transform(IRIS)
    assert codes.shape == (150, 2)
    np.testing.assert_allclose(net.inverse_transform(codes), net.network_.predict(IRIS), rtol=1e-5)
    np.testing.assert_array_equal(net.encoder_.predict(IRIS), codes)
    assert net.score(IRIS) > 0.9
    with pytest.raises(ValueError, match="X has 4 columns, but the code of this autoencoder has 2"):
        net.inverse_transform(IRIS)


def test_a_linear_one_comes_near_to_pca() -> None:
    net = autoencoder(hidden_layer_sizes=(), alpha=0, solver="lbfgs", max_iter=200).fit(IRIS)
    scaled = (IRIS - IRIS.mean(axis=0)) / IRIS.std(axis=0)
    best = PCA(2).fit(scaled).explained_variance_ratio_.sum()
    assert net.score(IRIS) == pytest.approx(best, abs=1e-3)


def test_what_was_not_seen_has_a_low_score() -> None:
    net = autoencoder().fit(IRIS)
    odd = IRIS.copy()
    odd[:, 0] = IRIS[::-1, 0] * 1.5
    assert net.score_samples(odd).mean() < net.score_samples(IRIS).mean()


def test_names_and_frames() -> None:
    frame, y = load_iris(return_X_y=True, as_frame=True)
    net = autoencoder(max_iter=2).set_output(transform="pandas").fit(frame)
    codes = net.transform(frame)
    assert isinstance(codes, pd.DataFrame)
    assert list(codes.columns) == ["autoencodertransformer0", "autoencodertransformer1"]
    assert net.feature_names_in_.tolist() == list(frame.columns)
    pipe = make_pipeline(autoencoder(n_components=3), classifier(max_iter=30)).fit(frame, y)
    assert pipe.score(frame, y) > 0.8


def test_a_denoising_one_and_a_validation_set() -> None:
    net = autoencoder(dropout=0.2, early_stopping=True, n_iter_no_change=5).fit(IRIS[::2], X_val=IRIS[1::2])
    assert len(net.validation_loss_curve_) == net.n_iter_
    assert np.isfinite(net.score(IRIS))
    assert SPECIES.shape == (150,)
