namespace Slipway.Checkpoints.PyTorch;

// The names that a pickle may mention, and what they stand for here. Nothing is ever looked up or called in Python's
// sense: a name that is not listed is refused.
internal static class PickleNames
{
    public const string OrderedDictionary = "collections.OrderedDict";
    public const string RebuildTensor = "torch._utils._rebuild_tensor";
    public const string RebuildTensor2 = "torch._utils._rebuild_tensor_v2";
    public const string RebuildTensor3 = "torch._utils._rebuild_tensor_v3";
    public const string RebuildParameter = "torch._utils._rebuild_parameter";
    public const string Size = "torch.Size";
    public const string UntypedStorage = "torch.storage.UntypedStorage";

    private static readonly string[] Functions =
    [
        OrderedDictionary, RebuildTensor, RebuildTensor2, RebuildTensor3, RebuildParameter, Size, UntypedStorage,
    ];

    // Storages and element types.
    public static readonly Dictionary<string, TensorType> Types = new(StringComparer.Ordinal)
    {
        ["torch.DoubleStorage"] = TensorType.F64,
        ["torch.FloatStorage"] = TensorType.F32,
        ["torch.HalfStorage"] = TensorType.F16,
        ["torch.BFloat16Storage"] = TensorType.BF16,
        ["torch.LongStorage"] = TensorType.I64,
        ["torch.IntStorage"] = TensorType.I32,
        ["torch.ShortStorage"] = TensorType.I16,
        ["torch.CharStorage"] = TensorType.I8,
        ["torch.ByteStorage"] = TensorType.U8,
        ["torch.BoolStorage"] = TensorType.BOOL,
        ["torch.float64"] = TensorType.F64,
        ["torch.float32"] = TensorType.F32,
        ["torch.float16"] = TensorType.F16,
        ["torch.bfloat16"] = TensorType.BF16,
        ["torch.float8_e4m3fn"] = TensorType.F8_E4M3,
        ["torch.float8_e5m2"] = TensorType.F8_E5M2,
        ["torch.int64"] = TensorType.I64,
        ["torch.uint64"] = TensorType.U64,
        ["torch.int32"] = TensorType.I32,
        ["torch.uint32"] = TensorType.U32,
        ["torch.int16"] = TensorType.I16,
        ["torch.uint16"] = TensorType.U16,
        ["torch.int8"] = TensorType.I8,
        ["torch.uint8"] = TensorType.U8,
        ["torch.bool"] = TensorType.BOOL,
    };

    public static bool IsAllowed(string name) => Types.ContainsKey(name) || Functions.Contains(name);
}
