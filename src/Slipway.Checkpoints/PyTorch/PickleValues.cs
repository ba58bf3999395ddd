namespace Slipway.Checkpoints.PyTorch;

// What a pickle of tensors may hold besides texts, whole numbers, floating-point numbers, truth values and null.
internal sealed record PickleTuple(object?[] Items);

internal sealed record PickleList(List<object?> Items);

internal sealed record PickleDictionary(List<(object? Key, object? Value)> Items);

// A name from the allow-list.
internal sealed record PickleName(string Full);

// A storage: the bytes of entry 'data/KEY', Count elements. The type is null where the bytes have none of their own.
internal sealed record PickleStorage(TensorType? Type, string Key, long Count);

internal sealed record PickleTensor(
    PickleStorage Storage, TensorType Type, long Offset, long[] Shape, long[] Strides);
