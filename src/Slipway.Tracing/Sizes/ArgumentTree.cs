using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace Slipway.Tracing.Sizes;

/// <summary>Builds arguments like given ones with other tensors in the same places.</summary>
internal static class ArgumentTree
{
    private static readonly MethodInfo Clone = typeof(object).GetMethod(
        nameof(MemberwiseClone), BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>Replaces the tensors of a value, in order.</summary>
    /// <exception cref="NotSupportedException">They stand in an object that cannot be rebuilt.</exception>
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
                return Recording.TensorTree.Flatten(value).Any() ? Copy(value, tensors) : value;
        }
    }

    // An object of the caller's own class, with other tensors in its fields.
    private static object Copy(object value, Queue<torch.Tensor> tensors)
    {
        if (value.GetType().IsArray || Interception.CallPolicy.IsFramework(value.GetType().Assembly))
        {
            throw new NotSupportedException(
                $"An argument of type '{value.GetType().Name}' holds tensors in a way that tracing does not rebuild. "
                + "Give a list, a tuple, a dictionary or an object with fields.");
        }

        var copy = Clone.Invoke(value, null)!;
        foreach (var (_, field) in Recording.TensorTree.Fields(value.GetType()))
        {
            var member = field.GetValue(value);
            if (Recording.TensorTree.Flatten(member).Any())
            {
                field.SetValue(copy, Replace(member, tensors));
            }
        }

        return copy;
    }
}
