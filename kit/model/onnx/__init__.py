"""The road by torch.export and ONNX Runtime: a network as model.onnx, in fp32 or int8. Nothing of it is deprecated."""
