using System.Collections;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace Slipway.Tracing.Sizes;

/// <summary>Builds arguments like given ones with other tensors in the same places.</summary>
internal static class ArgumentTree
{
    /// <summary>Replaces the tensors of a value, in order.</summary>
    /// <exception cref="NotSupportedException">They stand in an object of a class that cannot be rebuilt.</exception>
    public static object? Replace(object? value, Queue<torch.Tensor> tensors)
    {
        switch (value)
        {
            case null or string:
                return value;
            case torch.Tensor:
                return tensors.Dequeue();
            case torch.Tensor[] array:
                return array.Select(_ => tensors.Dequeue()).ToArray();
            case IDictionary map:
                var copy = (IDictionary)Activator.CreateInstance(map.GetType())!;
                foreach (var key in map.Keys)
                {
                    copy.Add(key, Replace(map[key], tensors));
                }

                return copy;
            case ITuple tuple:
                return Activator.CreateInstance(
                    value.GetType(),
                    [.. Enumerable.Range(0, tuple.Length).Select(index => Replace(tuple[index], tensors))]);
            case IList list when !value.GetType().IsArray:
                var items = (IList)Activator.CreateInstance(value.GetType())!;
                foreach (var item in list)
                {
                    items.Add(Replace(item, tensors));
                }

                return items;
            default:
                return Recording.TensorTree.Flatten(value).Any()
                    ? throw new NotSupportedException(
                        $"An argument of type '{value.GetType().Name}' holds tensors in a class of its own. Export a "
                        + "module that takes the tensors and makes the object in its 'forward'.")
                    : value;
        }
    }
}
