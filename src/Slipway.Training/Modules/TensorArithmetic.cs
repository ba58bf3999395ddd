using TorchSharp;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Computes with tensors and numbers, each of which lives until libtorch has read it.</summary>
/// <remarks>
/// TorchSharp makes a <see cref="Scalar"/> of every number, also of the factor 1 in a sum of two tensors. Its own
/// operators hold that object no longer than they read its handle, so that a garbage collection on another thread may
/// free the number before it is read: the operation throws, or computes with other numbers. Here a scalar is a constant
/// or is disposed behind the call. Methods that are named by a verb change their first tensor and return it.
/// </remarks>
internal static class TensorArithmetic
{
    private static readonly Scalar Zero = 0L.ToScalar();
    private static readonly Scalar One = 1L.ToScalar();

    /// <summary>x + y</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>x + factor · y</summary>
    public static Tensor Plus(this Tensor x, Tensor y, double factor)
    {
        using var scalar = factor.ToScalar();
        return x.add(y, scalar);
    }

    /// <summary>x + number</summary>
    public static Tensor Plus(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.add(scalar, One);
    }

    /// <summary>x + number, of x's type where that is an integer's.</summary>
    public static Tensor Plus(this Tensor x, long number)
    {
        using var scalar = number.ToScalar();
        return x.add(scalar, One);
    }

    /// <summary>number · x</summary>
    public static Tensor Times(this Tensor x, double number) => x.With(number, static (x, scalar) => x.mul(scalar));

    /// <summary>number · x, of x's type where that is an integer's.</summary>
    public static Tensor Times(this Tensor x, long number) => x.With(number, static (x, scalar) => x.mul(scalar));

    /// <summary>x / number</summary>
    public static Tensor Over(this Tensor x, double number) => x.With(number, static (x, scalar) => x.div(scalar));

    /// <summary>x²</summary>
    public static Tensor Squared(this Tensor x) => x.mul(x);

    /// <summary>x, but at least the lower and at most the upper limit.</summary>
    public static Tensor Within(this Tensor x, double lower, double upper)
    {
        using var first = lower.ToScalar();
        using var last = upper.ToScalar();
        return x.clamp(first, last);
    }

    /// <summary>x, and a number where the mask is true.</summary>
    public static Tensor Masked(this Tensor x, Tensor mask, double number)
    {
        using var scalar = number.ToScalar();
        return x.masked_fill(mask, scalar);
    }

    /// <summary>x, with rows added at some places.</summary>
    public static Tensor PlusRows(this Tensor x, Tensor places, Tensor rows) => x.index_add(0, places, rows, One);

    /// <summary>Computes an operation of a tensor and a number.</summary>
    public static Tensor With(this Tensor x, double number, Func<Tensor, Scalar, Tensor> operation)
    {
        using var scalar = number.ToScalar();
        return operation(x, scalar);
    }

    /// <summary>Computes an operation of a tensor and an integer.</summary>
    public static Tensor With(this Tensor x, long number, Func<Tensor, Scalar, Tensor> operation)
    {
        using var scalar = number.ToScalar();
        return operation(x, scalar);
    }

    /// <summary>The integers from 0: int64 [count]</summary>
    public static Tensor Indices(long count, Device? device = null)
    {
        using var end = count.ToScalar();
        return arange(Zero, end, One, ScalarType.Int64, device);
    }

    /// <summary>x += number</summary>
    public static Tensor Add(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.add_(scalar, One);
    }

    /// <summary>x += y</summary>
    public static Tensor Add(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>x += factor · y</summary>
    public static Tensor Add(this Tensor x, Tensor y, double factor)
    {
        using var scalar = factor.ToScalar();
        return x.add_(y, scalar);
    }

    /// <summary>x += factor · y · z</summary>
    public static Tensor AddProduct(this Tensor x, Tensor y, Tensor z, double factor)
    {
        using var scalar = factor.ToScalar();
        return x.addcmul_(y, z, scalar);
    }

    /// <summary>x += factor · y / z</summary>
    public static Tensor AddQuotient(this Tensor x, Tensor y, Tensor z, double factor)
    {
        using var scalar = factor.ToScalar();
        return x.addcdiv_(y, z, scalar);
    }

    /// <summary>x *= number</summary>
    public static Tensor Scale(this Tensor x, double number) => x.With(number, static (x, scalar) => x.mul_(scalar));

    /// <summary>x /= number</summary>
    public static Tensor Divide(this Tensor x, double number) => x.With(number, static (x, scalar) => x.div_(scalar));
}
