using static Slipway.Export.Tests.Definitions.ReferenceModel;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Operations of dense decoders, written down plainly in double precision.</summary>
internal static class DenseToolbox
{
    public static double[][] Add(double[][] x, double[][] y) => Zip(x, y, (a, b) => a + b);

    public static double[][] Times(double[][] x, double factor) => Map(x, row => Scale(row, factor));

    public static double[] Frequencies(int size, double theta) =>
        [.. Enumerable.Range(0, size / 2).Select(pair => 1 / Math.Pow(theta, 2.0 * pair / size))];

    /// <summary>Turns the first elements of each head, two for each frequency.</summary>
    public static double[][] Turn(double[][] x, int headSize, double[] frequencies, bool interleaved = false) =>
        [.. x.Select((row, position) =>
        {
            double[] turned = [.. row];
            for (var head = 0; head < row.Length; head += headSize)
            {
                for (var pair = 0; pair < frequencies.Length; pair++)
                {
                    var one = head + (interleaved ? 2 * pair : pair);
                    var two = interleaved ? one + 1 : one + frequencies.Length;
                    var (sine, cosine) = Math.SinCos(position * frequencies[pair]);
                    turned[one] = (row[one] * cosine) - (row[two] * sine);
                    turned[two] = (row[two] * cosine) + (row[one] * sine);
                }
            }

            return turned;
        })];

    /// <summary>Causal attention of which each position sees the last ones of a window, or all.</summary>
    public static double[][] Attend(
        double[][] query, double[][] key, double[][] value, int heads, int keyHeads, double scale, int? window = null,
        Func<int, int, double>? bias = null)
    {
        var size = query[0].Length / heads;
        return [.. query.Select((row, position) =>
        {
            var first = window is { } seen ? Math.Max(0, position - seen + 1) : 0;
            var output = new double[row.Length];
            for (var head = 0; head < heads; head++)
            {
                int shared = head / (heads / keyHeads) * size, own = head * size;
                double[] scores = [.. Enumerable.Range(first, position - first + 1).Select(past =>
                    (bias?.Invoke(head, past) ?? 0)
                    + (scale * Enumerable.Range(0, size).Sum(i => row[own + i] * key[past][shared + i])))];
                var weights = ReferenceAttention.Softmax(scores);
                for (var i = 0; i < size; i++)
                {
                    output[own + i] = Enumerable.Range(0, weights.Length)
                        .Sum(past => weights[past] * value[first + past][shared + i]);
                }
            }

            return output;
        })];
    }

    /// <summary>Changes each head by itself.</summary>
    public static double[][] ByHead(double[][] x, int headSize, Func<int, double[], double[]> change) =>
        Map(x, row => [.. row.Chunk(headSize).SelectMany((head, index) => change(index, head))]);

    /// <summary>Mean 0 and variance 1.</summary>
    public static double[] Center(double[] row, double epsilon)
    {
        var mean = row.Average();
        var deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
        return [.. row.Select(value => (value - mean) / deviation)];
    }

    public static double[][] LayerNorm(
        ReferenceModel model, string name, double[][] x, double epsilon, bool bias = true, double offset = 0)
    {
        var weight = model.Tensor($"{name}.weight", 1 - offset, 0.3, x[0].Length);
        var added = bias ? model.Tensor($"{name}.bias", 0, 0.3, x[0].Length) : new float[x[0].Length];
        return Map(x, row =>
            [.. Center(row, epsilon).Select((value, i) => (value * (weight[i] + offset)) + added[i])]);
    }

    /// <summary>down(activation(up(x))).</summary>
    public static double[][] Feed(
        ReferenceModel model, string up, string down, double[][] x, int inner, Func<double, double> activation,
        bool bias)
    {
        var wide = Map(model.Linear(up, x, inner, bias), row => [.. row.Select(activation)]);
        return model.Linear(down, wide, x[0].Length, bias);
    }

    /// <summary>down(activation(gate(x)) · up(x)).</summary>
    public static double[][] Gated(
        ReferenceModel model, string name, double[][] x, int inner, Func<double, double> activation, bool bias = false)
    {
        var gate = model.Linear($"{name}.gate_proj", x, inner, bias);
        var up = model.Linear($"{name}.up_proj", x, inner, bias);
        return model.Linear($"{name}.down_proj", Zip(gate, up, (g, u) => activation(g) * u), x[0].Length, bias);
    }

    /// <summary>Consecutive elements of each row.</summary>
    public static double[][] Columns(double[][] x, int first, int count) => Map(x, row => row[first..(first + count)]);

    public static double Relu(double x) => Math.Max(x, 0);

    public static double SquaredRelu(double x) => Relu(x) * Relu(x);

    public static double Gelu(double x) => x / 2 * (1 + Erf(x / Math.Sqrt(2)));

    public static double GeluTanh(double x) =>
        x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    // 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1))
    private static double Erf(double x)
    {
        double term = x, sum = x;
        for (var n = 1; n < 200 && Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
