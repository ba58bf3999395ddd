namespace Slipway.Checkpoints.Quantized;

// A quantized weight and the tensors that hold it: codes, zero points and scales.
internal sealed record PackedWeight(
    QuantizedTensorInfo Info, TensorInfo Codes, TensorInfo ZeroPoints, TensorInfo Scales);
