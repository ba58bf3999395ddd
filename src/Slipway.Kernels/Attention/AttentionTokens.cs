using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.Attention;

/// <summary>
/// Makes new tokens ready: queries are rotated and scaled, keys are rotated and go to the cache, and so do values.
/// </summary>
/// <remarks>
/// <code>
/// rotary(x)[i] = x[i] * cos[p, i] − x[i + half] * sin[p, i]
/// rotary(x)[i + half] = x[i + half] * cos[p, i] + x[i] * sin[p, i]
/// int8 cache: value = clamp(round(x / scale[channel]), −128, 127)
/// int4 cache: keys less their means; queries, keys and values turned by <see cref="HadamardRotation"/>
/// </code>
/// </remarks>
internal static unsafe class AttentionTokens
{
    /// <summary>Does so for one token of one sequence.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Prepare(in AttentionCall call, int sequence, int token)
    {
        var index = (sequence * call.Tokens) + token;
        var position = call.Past(sequence) + token;
        var size = call.HeadDim;
        if (call.IsInactive(sequence))
        {
            var width = call.Shape.NumAttentionHeads * size;
            new Span<float>(call.Output + ((long)index * width), width).Clear();
            return;
        }

        var rotated = call.Rotated + ((long)index * call.Shape.NumAttentionHeads * size);
        var query = call.Queries + ((long)index * call.QueryStride);
        for (var head = 0; head < call.Shape.NumAttentionHeads; head++, rotated += size, query += size)
        {
            var target = new Span<float>(rotated, size);
            ApplyRotary(call, query, rotated, position);
            TensorPrimitives.Multiply(target, call.Shape.Scale, target);
            if (call.Format == CacheFormat.Int4)
            {
                HadamardRotation.Apply(rotated, size);
            }
            else if (call.Format == CacheFormat.Int8)
            {
                TensorPrimitives.Multiply(target, Scales(call.KeyScales, head / call.Shape.Group, size), target);
            }
        }

        var key = call.Keys + ((long)index * call.KeyStride);
        var value = call.Values + ((long)index * call.KeyStride);
        var stored = stackalloc float[size];
        for (var head = 0; head < call.Shape.KeyValueHeads; head++, key += size, value += size)
        {
            ApplyRotary(call, key, stored, position);
            if (call.KeyMeans is not null)
            {
                var centered = new Span<float>(stored, size);
                TensorPrimitives.Subtract(centered, Scales(call.KeyMeans, head, size), centered);
            }

            Store(call, stored, call.KeyScales, head, call.At(call.KeyCache, sequence, head, position));
            new Span<float>(value, size).CopyTo(new Span<float>(stored, size));
            Store(call, stored, call.ValueScales, head, call.At(call.ValueCache, sequence, head, position));
        }
    }

    private static Span<float> Scales(float* scales, int head, int size) => new(scales + ((long)head * size), size);

    // The first half of the rotary part goes with the second.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplyRotary(in AttentionCall call, float* head, float* target, int position)
    {
        var half = call.Shape.Rotates ? call.RotaryHalf : 0;
        var cosines = call.Cosines + ((long)position * half);
        var sines = call.Sines + ((long)position * half);
        var i = 0;
        for (; i + 8 <= half; i += 8)
        {
            var (x, y) = (Vector256.Load(head + i), Vector256.Load(head + half + i));
            var (cosine, sine) = (Vector256.Load(cosines + i), Vector256.Load(sines + i));
            ((x * cosine) - (y * sine)).Store(target + i);
            ((y * cosine) + (x * sine)).Store(target + half + i);
        }

        for (; i < half; i++)
        {
            var (x, y) = (head[i], head[i + half]);
            target[i] = (x * cosines[i]) - (y * sines[i]);
            target[i + half] = (y * cosines[i]) + (x * sines[i]);
        }

        var rest = call.HeadDim - (2 * half);
        new Span<float>(head + (2 * half), rest).CopyTo(new Span<float>(target + (2 * half), rest));
    }

    // The head is changed.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Store(in AttentionCall call, float* head, float* scales, int index, byte* target)
    {
        if (call.Format == CacheFormat.Float32)
        {
            new Span<float>(head, call.HeadDim).CopyTo(new Span<float>(target, call.HeadDim));
            return;
        }

        if (call.Format == CacheFormat.Float16)
        {
            HalfPrecision.Store(head, call.HeadDim, target);
            return;
        }

        if (call.Format == CacheFormat.Int4)
        {
            HadamardRotation.Apply(head, call.HeadDim);
            QuantizedRow.Store(head, call.HeadDim, target);
            return;
        }

        var own = scales + ((long)index * call.HeadDim);
        var (min, max) = (Vector256.Create((float)sbyte.MinValue), Vector256.Create((float)sbyte.MaxValue));
        for (var i = 0; i < call.HeadDim; i += 8)
        {
            var code = Vector256.Round(Vector256.Load(head + i) / Vector256.Load(own + i));
            var whole = Vector256.ConvertToInt32Native(Vector256.MinNative(Vector256.MaxNative(code, min), max));
            var half = Vector128.Narrow(whole.GetLower(), whole.GetUpper());
            Vector128.Narrow(half, half).GetLower().AsByte().Store(target + i);
        }
    }
}
