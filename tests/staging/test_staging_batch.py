"""`sluice staging batch` scores files with the real `sluice score`."""


def batch(toy, **environment):
    return toy.sluice("staging", "batch", str(toy.package), **environment)


def test_good_package_passes(good):
    done = batch(good)
    assert done.status == 0, done.said
    assert "pass          test-batch: All 4 findings are within bounds." in done.out


def test_other_scores_than_recorded(good, lies):
    done = batch(good, PYTHONPATH=str(lies), TOY_LIE="wrong", TOY_LIE_IN="score")
    assert done.status == 1
    assert "fail          test-batch: test-batch/csv scores: " in done.out
    assert "and 1 more" in done.out


def test_invalid_row_that_is_scored(good, lies):
    done = batch(good, PYTHONPATH=str(lies), TOY_LIE="lax", TOY_LIE_IN="score")
    assert done.status == 1
    assert "'sluice score' ended with exit status 0 instead of 1" in done.out


def test_file_that_is_not_a_package(good, tmp_path):
    file = tmp_path / "some.tar"
    file.write_bytes(b"nothing")
    done = good.sluice("staging", "batch", str(file))
    assert done.status == 2
    assert "not a readable package" in done.line
