"""One expectation that the generated rows meet."""

import great_expectations.expectations as gxe

EXPECTATIONS = [
    gxe.ExpectColumnMeanToBeBetween(
        column="weight", min_value=60, max_value=80, description="weights are in kilograms"
    ),
]
