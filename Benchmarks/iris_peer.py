#!/usr/bin/env python3
"""What `ebb train iris.csv --target species` does, as a scikit-learn script.

usage: iris_peer.py FILE      reads, splits, standardizes, trains with early stopping, evaluates
"""

import sys
import warnings

import pandas
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
table = pandas.read_csv(sys.argv[1])
features, species = table.drop(columns="species"), table["species"]
train_x, test_x, train_y, test_y = train_test_split(
    features, species, test_size=0.15, stratify=species, random_state=0
)
network = MLPClassifier(
    (64,),
    batch_size=32,
    learning_rate_init=0.003,
    max_iter=200,
    early_stopping=True,
    validation_fraction=0.18,
    n_iter_no_change=20,
    random_state=0,
)
model = make_pipeline(StandardScaler(), network).fit(train_x, train_y)
print(f"accuracy {model.score(test_x, test_y):.4f}")
