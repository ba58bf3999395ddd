namespace Slipway.Checkpoints.PyTorch;

// Finds the dictionary of tensors in what a pickle holds: itself, or the one dictionary of tensors in it, as trainers
// write it beside optimizer and step ('state_dict', 'model').
internal static class PyTorchState
{
    public static IEnumerable<(string Name, PickleTensor Tensor)> Tensors(object? root, string path)
    {
        if (root is PickleDictionary dictionary)
        {
            if (dictionary.Items.Any(item => item.Value is PickleTensor))
            {
                return Named(dictionary);
            }

            var inner = dictionary.Items
                .Where(item => item.Value is PickleDictionary state &&
                    state.Items.Any(entry => entry.Value is PickleTensor))
                .ToArray();
            if (inner is [{ Value: PickleDictionary only }])
            {
                return Named(only);
            }

            if (inner.Length > 1)
            {
                throw new CheckpointException(
                    $"The PyTorch file '{path}' holds tensors under "
                    + $"{string.Join(", ", inner.Take(8).Select(item => $"'{item.Key as string}'"))}. Save the one "
                    + "dictionary that is the model.", path);
            }
        }

        throw new CheckpointException(
            $"The PyTorch file '{path}' holds no dictionary of tensors. Save the model's 'state_dict()'.", path);
    }

    private static IEnumerable<(string, PickleTensor)> Named(PickleDictionary dictionary) =>
        dictionary.Items.Where(item => item is { Key: string, Value: PickleTensor })
            .Select(item => ((string)item.Key!, (PickleTensor)item.Value!));
}
