namespace Slipway.Export.Quantization;

/// <summary>Largest and mean keys and values of each channel of each head of each layer.</summary>
internal sealed class ChannelRanges
{
    private readonly Dictionary<string, float[]> _max = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (double[] Sums, long Tokens)> _sums = new(StringComparer.Ordinal);

    /// <summary>Takes an output's keys or values into account.</summary>
    /// <param name="name">The output's name.</param>
    /// <param name="values">Its elements.</param>
    /// <param name="shape">[rows, heads, length, size]</param>
    public void Observe(string name, ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
    {
        if (shape is not [>= 0, > 0, >= 0, > 0] || shape[0] * shape[1] * shape[2] * shape[3] != values.Length)
        {
            throw new ArgumentException(
                $"'{name}' has '{values.Length}' elements in the shape [{string.Join(", ", shape.ToArray())}]; "
                + "expected rows, heads, length and head size.",
                nameof(shape));
        }

        var (heads, length, size) = ((int)shape[1], (int)shape[2], (int)shape[3]);
        if (!_max.TryGetValue(name, out var max))
        {
            _max.Add(name, max = new float[heads * size]);
            _sums.Add(name, (new double[heads * size], 0));
        }

        var sums = _sums[name].Sums;
        _sums[name] = (sums, _sums[name].Tokens + (values.Length / max.Length));

        for (var token = 0; token < values.Length / size; token++)
        {
            var first = token / length % heads * size;
            var row = values.Slice(token * size, size);
            for (var i = 0; i < size; i++)
            {
                max[first + i] = Math.Max(max[first + i], Math.Abs(row[i]));
                sums[first + i] += row[i];
            }
        }
    }

    /// <summary>The mean of each channel over all tokens, [heads, size].</summary>
    public float[] MeansOf(string name)
    {
        _ = Of(name);
        var (sums, tokens) = _sums[name];
        return Array.ConvertAll(sums, sum => (float)(sum / tokens));
    }

    /// <summary>The largest size of each channel, [heads, size].</summary>
    /// <exception cref="ArgumentException">Nothing was observed, or something that is no number.</exception>
    public float[] Of(string name)
    {
        var max = _max.GetValueOrDefault(name) ?? throw new ArgumentException(
            $"The measurement did not show '{name}'. Show every output of keys and values.", nameof(name));
        return Array.TrueForAll(max, float.IsFinite) ? max : throw new ArgumentException(
            $"The measurement showed an element of '{name}' that is no finite number. Keep keys and values in 'fp32'.",
            nameof(name));
    }
}
