"""Change requests and the contract that they amend."""
