namespace Slipway.Checkpoints.PyTorch;

// Makes of a call in a pickle what it would make: a tensor, a parameter's tensor, a dictionary, a shape.
internal static class PickleObjects
{
    // ('storage', type, key, location, count)
    public static PickleStorage Storage(object? id, Func<object?, CheckpointException> bad)
    {
        if (id is not PickleTuple { Items: ["storage", PickleName name, string key, string, long count, ..] } ||
            count < 0)
        {
            throw bad(id);
        }

        return PickleNames.Types.TryGetValue(name.Full, out var type) ? new PickleStorage(type, key, count)
            : name.Full == PickleNames.UntypedStorage ? new PickleStorage(null, key, count)
            : throw bad(name);
    }

    public static object? Build(object? function, object?[] arguments, Func<object?, CheckpointException> bad)
    {
        switch ((function as PickleName)?.Full)
        {
            case PickleNames.OrderedDictionary when arguments.Length == 0:
                return new PickleDictionary([]);
            case PickleNames.OrderedDictionary when arguments is [PickleList pairs]:
                return new PickleDictionary([.. pairs.Items.Select(pair => pair switch
                {
                    PickleTuple { Items: [var key, var value] } => (key, value),
                    PickleList { Items: [var key, var value] } => (key, value),
                    _ => throw bad(pair),
                })]);
            case PickleNames.RebuildParameter when arguments is [PickleTensor tensor, ..]:
                return tensor;
            case PickleNames.Size when arguments is [PickleTuple sizes]:
                return sizes;
            case PickleNames.RebuildTensor or PickleNames.RebuildTensor2
                when arguments is [PickleStorage { Type: { } type } storage, long offset, var shape, var strides, ..]:
                return Tensor(storage, type, offset, shape, strides, bad);
            case PickleNames.RebuildTensor3
                when arguments is
                    [PickleStorage storage, long offset, var shape, var strides, _, _, PickleName name, ..] &&
                    PickleNames.Types.TryGetValue(name.Full, out var type):
                return Tensor(storage, type, offset, shape, strides, bad);
            default:
                throw bad(function);
        }
    }

    private static PickleTensor Tensor(
        PickleStorage storage, TensorType type, long offset, object? shape, object? strides,
        Func<object?, CheckpointException> bad)
    {
        var (sizes, steps) = (Numbers(shape, bad), Numbers(strides, bad));
        return offset >= 0 && sizes.Length == steps.Length
            ? new PickleTensor(storage, type, offset, sizes, steps)
            : throw bad(shape);
    }

    private static long[] Numbers(object? value, Func<object?, CheckpointException> bad) => value switch
    {
        PickleTuple { Items: var items } when items.All(item => item is long) => [.. items.Cast<long>()],
        PickleList { Items: var items } when items.All(item => item is long) => [.. items.Cast<long>()],
        _ => throw bad(value),
    };
}
