"""Makes ``torch.json`` from the installed torch: ``python -m paramlint.torch_api.generate``."""
