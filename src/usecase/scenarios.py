"""How the model must behave, regardless of its metrics.

Each scenario is checked against the exported model in every build, and again wherever the package
is verified. `sample="latest"` (the default) uses the rows that represent the latest production data
and were not used for training.
"""

from sluice.scenario import AnyScenario, Direction, Edge, Invariance, Known

_BILLS = [f"BILL_AMT{month}" for month in range(1, 7)]
_PAYMENTS = [f"PAY_AMT{month}" for month in range(1, 7)]
_STATUS = ["PAY_0", *(f"PAY_{month}" for month in range(2, 7))]
_OVERDUE = [0, 1, 2, 3, 4, 5, 6, 7, 8]

PUNCTUAL = {
    "LIMIT_BAL": 400_000,
    "EDUCATION": 1,
    **dict.fromkeys(_STATUS, -1),
    **dict.fromkeys(_BILLS, 8_000),
    **dict.fromkeys(_PAYMENTS, 8_000),
}
IN_ARREARS = {
    "LIMIT_BAL": 20_000,
    "EDUCATION": 2,
    **dict.fromkeys(_STATUS, 3),
    **dict.fromkeys(_BILLS, 19_500),
    **dict.fromkeys(_PAYMENTS, 0),
}

SCENARIOS: list[AnyScenario] = [
    # Typical rows with known answers.
    Known(
        name="always paid in full: a low risk",
        row=PUNCTUAL,
        decision="0",
        high=0.15,
    ),
    Known(name="three months behind: a high risk", row=IN_ARREARS, decision="1", low=0.5),
    # Extreme rows.
    Edge(name="an account that was never used", change=dict.fromkeys(_BILLS + _PAYMENTS, 0)),
    Edge(name="a credit balance in every month", change=dict.fromkeys(_BILLS, -50_000)),
    Edge(name="an unknown education code", change={"EDUCATION": 99}),
    # Changes that must not change the score.
    Invariance(
        name="undocumented education codes score alike",
        column="EDUCATION",
        values=[0, 5, 6, None],
    ),
    # Changes that must move the score in one direction only.
    *(
        Direction(
            name=f"a payment more overdue must not lower the risk ({column})",
            column=column,
            values=_OVERDUE,
            effect="not lower",
        )
        for column in _STATUS
    ),
]
