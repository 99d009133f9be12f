"""The published risk model: its tables, their arithmetic, and its risk of a profile.

``printed`` finds printed figures in the table of claims, ``structure`` and ``documents`` put them
together as tables; ``tables`` reproduces these, ``arithmetic`` recomputes each figure that others
determine, ``findings`` says where tables contradict themselves or each other, ``published`` and
``named_profiles`` apply the published formula. Nothing here uses evidence or clips a product.
"""
