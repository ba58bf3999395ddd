using System.Collections;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Takes values apart that tensors stand in: tuples, lists, dictionaries, records and classes.</summary>
internal static class TensorTree
{
    /// <summary>Lists the tensors.</summary>
    public static IEnumerable<torch.Tensor> Flatten(object? value) => Named(value, "").Select(item => item.Tensor);

    /// <summary>Lists the tensors with their names within the value, empty for the value itself.</summary>
    public static IEnumerable<(string Name, torch.Tensor Tensor)> Named(object? value, string name) => value switch
    {
        null or string => [],
        torch.Tensor tensor => [(name, tensor)],
        IDictionary map => map.Keys.Cast<object>().SelectMany(key => Named(map[key], Join(name, $"{key}"))),
        ITuple tuple => Enumerable.Range(0, tuple.Length)
            .SelectMany(index => Named(tuple[index], Join(name, $"{index}"))),
        IEnumerable items => items.Cast<object?>()
            .SelectMany((item, index) => Named(item, Join(name, $"{index}"))),
        torch.nn.Module => [],
        _ when value.GetType() is { IsPrimitive: false, IsEnum: false } type
            && !Interception.CallPolicy.IsFramework(type.Assembly)
            && !Interception.CallPolicy.IsTorch(type.Assembly) => Members(value, name),
        _ => [],
    };

    private static IEnumerable<(string Name, torch.Tensor Tensor)> Members(object value, string name)
    {
        var type = value.GetType();
        foreach (var property in type.GetProperties())
        {
            if (property.GetIndexParameters().Length == 0 && property.GetMethod is { IsStatic: false }
                && property.GetMethod.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false))
            {
                foreach (var item in Named(property.GetValue(value), Join(name, property.Name)))
                {
                    yield return item;
                }
            }
        }

        foreach (var field in type.GetFields().Where(field => !field.IsStatic))
        {
            foreach (var item in Named(field.GetValue(value), Join(name, field.Name)))
            {
                yield return item;
            }
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
