"""Requirements on the data beyond `columns` and `quality` in params.yaml.

Add any expectation of great-expectations. The description of an expectation becomes its name in the
report.
"""

import great_expectations.expectations as gxe

EXPECTATIONS = [
    gxe.ExpectColumnMeanToBeBetween(
        column="LIMIT_BAL",
        min_value=100_000,
        max_value=250_000,
        description="the mean credit limit is in New Taiwan dollars",
    ),
    gxe.ExpectColumnMedianToBeBetween(
        column="PAY_0", min_value=-1, max_value=1, description="most accounts are not overdue"
    ),
]
