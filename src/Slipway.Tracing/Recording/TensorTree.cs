using System.Collections;
using System.Reflection;
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

    /// <summary>The fields of an object that hold its public state, those behind properties included.</summary>
    public static IEnumerable<(string Name, FieldInfo Field)> Fields(Type type)
    {
        foreach (var property in type.GetProperties())
        {
            if (property.GetIndexParameters().Length == 0 && property.GetMethod is { IsStatic: false }
                && property.GetMethod.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false)
                && property.DeclaringType!.GetField(
                    $"<{property.Name}>k__BackingField", BindingFlags.Instance | BindingFlags.NonPublic) is { } field)
            {
                yield return (property.Name, field);
            }
        }

        foreach (var field in type.GetFields().Where(field => !field.IsStatic))
        {
            yield return (field.Name, field);
        }
    }

    private static IEnumerable<(string Name, torch.Tensor Tensor)> Members(object value, string name)
        => Fields(value.GetType()).SelectMany(
            member => Named(member.Field.GetValue(value), Join(name, member.Name)));

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
