using ScottPlot;

namespace Slipway.Training.Running;

/// <summary>Draws the losses and rewards of a run as PNG pictures.</summary>
internal static class LossCurve
{
    private const int Width = 1000;
    private const int Height = 560;

    public static byte[] Draw(string name, IReadOnlyList<LogRow> rows) => Draw(
        name, rows, "loss, nats a token", Alignment.UpperRight,
        (row => row.Loss, ", training", 1, 0), (row => row.EvaluationLoss, ", held out", 2, 6));

    public static byte[] DrawRewards(string name, IReadOnlyList<LogRow> rows) => Draw(
        name, rows, "mean reward of an answer", Alignment.LowerRight, (row => row.Reward, "", 1, 0));

    private static byte[] Draw(
        string name, IReadOnlyList<LogRow> rows, string unit, Alignment legend,
        params (Func<LogRow, double?> Value, string Label, float Width, float Marker)[] lines)
    {
        using var plot = new Plot();
        plot.Title(name);
        plot.XLabel("step");
        plot.YLabel(unit);
        var offset = 0L;
        foreach (var stage in rows.GroupBy(row => row.Stage).OrderBy(group => group.Key))
        {
            foreach (var (value, label, width, marker) in lines)
            {
                var shown = stage.Where(row => value(row) is not null).ToArray();
                Line(plot, shown, row => value(row)!.Value, offset, stage.First().Kind + label, width, marker);
            }

            offset += stage.Max(row => row.Step);
        }

        plot.ShowLegend(legend);
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
