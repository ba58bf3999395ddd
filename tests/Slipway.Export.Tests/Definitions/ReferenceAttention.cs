namespace Slipway.Export.Tests.Definitions;

/// <summary>Attention and the choice of experts, written down plainly.</summary>
internal static class ReferenceAttention
{
    /// <summary>Turns the first part of each head by its position.</summary>
    public static double[][] Turn(
        double[][] x, int headSize, int rotary, double theta, bool interleaved = false, int start = 0) =>
        [.. x.Select((row, position) =>
        {
            double[] turned = [.. row];
            for (var head = start; head < row.Length; head += headSize)
            {
                for (var pair = 0; pair < rotary / 2; pair++)
                {
                    var angle = position * Math.Pow(theta, -2.0 * pair / rotary);
                    var one = head + (interleaved ? 2 * pair : pair);
                    var two = interleaved ? one + 1 : one + (rotary / 2);
                    turned[one] = (row[one] * Math.Cos(angle)) - (row[two] * Math.Sin(angle));
                    turned[two] = (row[two] * Math.Cos(angle)) + (row[one] * Math.Sin(angle));
                }
            }

            return turned;
        })];

    /// <summary>Causal attention over heads side by side.</summary>
    public static double[][] Attend(
        double[][] query, double[][] key, double[][] value, int heads, int keyHeads, double scale, int? window = null)
    {
        int keySize = query[0].Length / heads, valueSize = value[0].Length / keyHeads;
        return [.. query.Select((row, position) =>
        {
            var output = new double[heads * valueSize];
            for (var head = 0; head < heads; head++)
            {
                var shared = head / (heads / keyHeads);
                var first = Math.Max(0, position + 1 - (window ?? int.MaxValue));
                double[] scores = [.. Enumerable.Range(first, position + 1 - first).Select(past => scale * Enumerable
                    .Range(0, keySize).Sum(i => row[(head * keySize) + i] * key[past][(shared * keySize) + i]))];
                var weights = Softmax(scores);
                for (var i = 0; i < valueSize; i++)
                {
                    output[(head * valueSize) + i] = weights
                        .Select((weight, past) => weight * value[first + past][(shared * valueSize) + i]).Sum();
                }
            }

            return output;
        })];
    }

    public static double[] Softmax(double[] scores)
    {
        var max = scores.Max();
        double[] raised = [.. scores.Select(score => Math.Exp(score - max))];
        var sum = raised.Sum();
        return [.. raised.Select(value => value / sum)];
    }

    /// <summary>Weights by place: what each chosen one counts for, 0 for the others.</summary>
    public static double[] Choose(
        double[] ranks, double[] weights, int count, bool normalize = false, double scale = 1)
    {
        var chosen = Max(ranks, count);
        var sum = normalize ? chosen.Sum(index => weights[index]) : 1;
        return [.. weights.Select((weight, index) => chosen.Contains(index) ? weight / sum * scale : 0)];
    }

    /// <summary>Ranks outside the best groups become 0; a group's rank is the sum of its best.</summary>
    public static double[] Confine(double[] ranks, int groups, int chosen, int best)
    {
        var size = ranks.Length / groups;
        double[] groupRanks = [.. ranks.Chunk(size).Select(group => group.OrderDescending().Take(best).Sum())];
        var kept = Max(groupRanks, chosen);
        return [.. ranks.Select((rank, index) => kept.Contains(index / size) ? rank : 0)];
    }

    public static int[] Max(double[] values, int count) =>
        [.. Enumerable.Range(0, values.Length).OrderByDescending(index => values[index]).Take(count)];
}
