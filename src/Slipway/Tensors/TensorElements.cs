using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace Slipway.Tensors;

/// <summary>Carries tensors of one type of elements into ONNX Runtime and out of it.</summary>
internal abstract class TensorElement
{
    public abstract Type Element { get; }

    public abstract TensorElementType Onnx { get; }

    /// <summary>Copies a tensor's elements, row by row; rows of several tensors stand one below the other.</summary>
    public abstract OrtValue ToOrt(IReadOnlyList<IReadOnlyTensor> parts, ReadOnlySpan<long> shape);

    /// <summary>Copies rows of a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="start">The first element.</param>
    /// <param name="shape">The sizes of the copy.</param>
    public abstract IReadOnlyTensor FromOrt(OrtValue value, long start, ReadOnlySpan<nint> shape);
}

/// <summary>The types of elements that tensors may have.</summary>
internal static class TensorElements
{
    // One row a type.
    public static IReadOnlyList<TensorElement> All { get; } =
    [
        new Of<float>(TensorElementType.Float), new Of<double>(TensorElementType.Double),
        new Of<Half>(TensorElementType.Float16), new Of<long>(TensorElementType.Int64),
        new Of<int>(TensorElementType.Int32), new Of<short>(TensorElementType.Int16),
        new Of<sbyte>(TensorElementType.Int8), new Of<byte>(TensorElementType.UInt8),
        new Of<bool>(TensorElementType.Bool),
    ];

    public static TensorElement? Find(Type element) => All.FirstOrDefault(row => row.Element == element);

    private sealed class Of<T>(TensorElementType onnx) : TensorElement
        where T : unmanaged
    {
        public override Type Element => typeof(T);

        public override TensorElementType Onnx => onnx;

        public override OrtValue ToOrt(IReadOnlyList<IReadOnlyTensor> parts, ReadOnlySpan<long> shape)
        {
            var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, onnx, shape.ToArray());
            var rest = MemoryMarshal.Cast<byte, T>(value.GetTensorMutableRawData());
            foreach (var part in parts)
            {
                var tensor = (Tensor<T>)part;
                tensor.FlattenTo(rest);
                rest = rest[(int)tensor.FlattenedLength..];
            }

            return value;
        }

        public override IReadOnlyTensor FromOrt(OrtValue value, long start, ReadOnlySpan<nint> shape)
        {
            nint count = 1;
            foreach (var size in shape)
            {
                count *= size;
            }

            var elements = new T[count];
            if (count > 0)
            {
                MemoryMarshal.Cast<byte, T>(value.GetTensorMutableRawData()).Slice((int)start, (int)count)
                    .CopyTo(elements);
            }

            return Tensor.Create(elements, shape);
        }
    }
}
