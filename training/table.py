"""Reads what `weir features` wrote, and counts its days."""
import numpy as np
import pandas as pd


def read(path, limit=None):
    """The feature table: ids, features as float32, labels (1, 0, or not-a-number where there is none)."""
    header = pd.read_csv(path, nrows=0).columns
    types = {name: np.float32 for name in header if name not in ("transaction_id", "label")}
    table = pd.read_csv(path, dtype=types | {"transaction_id": str}, nrows=limit)
    return table


def features_of(table):
    return [name for name in table.columns if name not in ("transaction_id", "label")]


def days_of(table):
    """The day of each row, from 0: rows stand in the order of time, so that a new weekday is a new day.

    A step of a day back is a late row, which belongs to the day before; a day without any row cannot be seen, and must not be.
    """
    step = np.diff(table["day_of_week"].to_numpy(np.int64), prepend=int(table["day_of_week"].iloc[0])) % 7
    step[step == 6] = -1
    return np.cumsum(step)
