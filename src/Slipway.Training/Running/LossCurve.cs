using ScottPlot;

namespace Slipway.Training.Running;

/// <summary>Draws the losses and rewards of a run as PNG pictures.</summary>
internal static class LossCurve
{
    private const int Width = 1000;
    private const int Height = 560;

    public static byte[] Draw(string name, IReadOnlyList<LogRow> rows)
    {
        using var plot = new Plot();
        plot.Title(name);
        plot.XLabel("step");
        plot.YLabel("loss, nats a token");
        var offset = 0L;
        foreach (var stage in rows.GroupBy(row => row.Stage).OrderBy(group => group.Key))
        {
            var kind = stage.First().Kind;
            var steps = stage.Where(row => row.Loss is not null).ToArray();
            Line(plot, steps, row => row.Loss!.Value, offset, $"{kind}, training", 1, 0);
            var heldOut = stage.Where(row => row.EvaluationLoss is not null).ToArray();
            Line(plot, heldOut, row => row.EvaluationLoss!.Value, offset, $"{kind}, held out", 2, 6);
            offset += stage.Max(row => row.Step);
        }

        plot.ShowLegend(Alignment.UpperRight);
        plot.Axes.AutoScale();
        return plot.GetImageBytes(Width, Height, ImageFormat.Png);
    }

    public static byte[] DrawRewards(string name, IReadOnlyList<LogRow> rows)
    {
        using var plot = new Plot();
        plot.Title(name);
        plot.XLabel("step");
        plot.YLabel("mean reward of an answer");
        var offset = 0L;
        foreach (var stage in rows.GroupBy(row => row.Stage).OrderBy(group => group.Key))
        {
            var steps = stage.Where(row => row.Reward is not null).ToArray();
            Line(plot, steps, row => row.Reward!.Value, offset, stage.First().Kind, 1, 0);
            offset += stage.Max(row => row.Step);
        }

        plot.ShowLegend(Alignment.LowerRight);
        plot.Axes.AutoScale();
        return plot.GetImageBytes(Width, Height, ImageFormat.Png);
    }

    private static void Line(
        Plot plot, LogRow[] rows, Func<LogRow, double> value, long offset, string label, float width, float marker)
    {
        if (rows.Length == 0)
        {
            return;
        }

        var (steps, values) = (rows.Select(row => (double)(offset + row.Step)).ToArray(), rows.Select(value).ToArray());
        var line = plot.Add.ScatterLine(steps, values);
        line.LegendText = label;
        line.LineWidth = width;
        line.MarkerSize = marker;
    }
}
