"""Who judges replies: one file a form of answer.

Every scorer is called with an item and a reply, never raises for what a model wrote, and judges a reply without a
text by `Item.answerable` alone. Those that hold a process have `aclose()`.
"""
