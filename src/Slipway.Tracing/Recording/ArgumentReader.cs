using System.Collections;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Reflection;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Turns what a call was given into a form that lasts and that runs can be compared by.</summary>
internal static class ArgumentReader
{
    private const int MaxListed = 1024;

    private static readonly FieldInfo[] IndexFields = typeof(torch.TensorIndex)
        .GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public);

    /// <summary>Reads an argument.</summary>
    /// <param name="argument">What was given.</param>
    /// <param name="value">Finds the value of a tensor.</param>
    public static object? Read(object? argument, Func<torch.Tensor, TracedValue> value) => argument switch
    {
        null => null,
        torch.Tensor tensor => tensor.IsInvalid ? null : value(tensor),
        Scalar scalar => Read(scalar),
        string or Enum or torch.nn.Module or Delegate => argument,
        bool flag => flag,
        byte or sbyte or short or int or long => Convert.ToInt64(argument, null),
        float or double => Convert.ToDouble(argument, null),
        torch.Size size => size.ToArray(),
        torch.TensorIndex index => Read(index, value),
        torch.TensorIndex[] indices => indices.Select(index => Read(index, value)).ToArray(),
        IEnumerable<torch.Tensor> tensors => tensors.Select(value).ToArray(),
        ITuple tuple => Read(Enumerable.Range(0, tuple.Length).Select(index => tuple[index]), value),
        Array array => Read(array),
        IEnumerable<long> numbers => numbers.ToArray(),
        IEnumerable<int> numbers => numbers.Select(number => (long)number).ToArray(),
        _ => argument,
    };

    private static object Read(IEnumerable<object?> items, Func<torch.Tensor, TracedValue> value)
    {
        object?[] read = [.. items.Select(item => Read(item, value))];
        return read.All(item => item is long) ? read.Select(item => (long)item!).ToArray()
            : read.All(item => item is TracedValue) ? read.Cast<TracedValue>().ToArray()
            : read;
    }

    private static object Read(Array array)
    {
        if (array.Length <= MaxListed && array.GetType().GetElementType() is { } type)
        {
            if (type == typeof(long) || type == typeof(int) || type == typeof(short) || type == typeof(byte)
                || type == typeof(sbyte))
            {
                return array.Cast<object>().Select(item => Convert.ToInt64(item, null)).ToArray();
            }

            if (type == typeof(double) || type == typeof(float))
            {
                return array.Cast<object>().Select(item => Convert.ToDouble(item, null)).ToArray();
            }
        }

        return Digest(array);
    }

    private static string Digest(IEnumerable array)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var item in array)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{item};")));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static TracedScalar Read(Scalar scalar) => scalar.Type switch
    {
        torch.ScalarType.Bool => new(scalar.ToBoolean() ? 1 : 0, torch.ScalarType.Bool),
        torch.ScalarType.Float32 or torch.ScalarType.Float64 or torch.ScalarType.Float16
            or torch.ScalarType.BFloat16 => new(scalar.ToDouble(), torch.ScalarType.Float64),
        torch.ScalarType.ComplexFloat32 or torch.ScalarType.ComplexFloat64 =>
            throw new NotSupportedException("Complex numbers have no form in ONNX. Use a last axis of size 2."),
        _ => new(scalar.ToInt64(), torch.ScalarType.Int64),
    };

    private static TracedIndex Read(torch.TensorIndex index, Func<torch.Tensor, TracedValue> value)
    {
        var kind = Convert.ToInt32(Field(index, "kind"), null);
        var start = (long?)Field(index, "startIndexOrBoolOrSingle");
        return Enum.GetName(Field(index, "kind")!.GetType(), Field(index, "kind")!) switch
        {
            "None" => new(IndexKind.NewAxis, null, null, null, null),
            "Single" => new(IndexKind.Position, start, null, null, null),
            "Ellipsis" => new(IndexKind.Ellipsis, null, null, null, null),
            "Bool" => new(IndexKind.Flag, start, null, null, null),
            "Slice" => new(
                IndexKind.Range, start, (long?)Field(index, "stopIndex"), (long?)Field(index, "step"), null),
            "Tensor" => new(IndexKind.Tensor, null, null, null, value((torch.Tensor)Field(index, "tensor")!)),
            _ => throw new NotSupportedException($"An index of kind {kind} is unknown. Use ranges and positions."),
        };
    }

    private static object? Field(torch.TensorIndex index, string name)
        => Array.Find(IndexFields, field => field.Name == name)!.GetValue(index);
}
