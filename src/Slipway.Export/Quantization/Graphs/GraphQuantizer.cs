using Slipway.Export.Quantization.Folding;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Quantizes the matrices of a float graph: plan, statistics where the plan needs them, writing.</summary>
internal sealed class GraphQuantizer
{
    // Parts of the work after which stages end.
    private const double Measured = 0.6, Calibrated = 0.75;

    private readonly List<string> _told = [];

    /// <summary>The float graph.</summary>
    public required Graph Graph { get; init; }

    /// <summary>The folder of the files that its constants stand in.</summary>
    public required string Folder { get; init; }

    /// <summary>The checkpoint or package that it was made from.</summary>
    public required string Source { get; init; }

    /// <summary>Names of matrices that stay as they are; null where they are to be told by their use.</summary>
    public IReadOnlySet<string>? Exact { get; init; }

    /// <summary>The way matrices are stored.</summary>
    public required MatrixFormat Format { get; init; }

    /// <summary>Tells whether nobody has named the method.</summary>
    public bool IsFree { get; init; }

    /// <summary>
    /// The most bits a weight of the matrices whose method nobody has named; null for the default.
    /// </summary>
    public double? BitsPerWeight { get; init; }

    /// <summary>The ways in which matrices were stored, and what they take, after the work.</summary>
    public SpentPlan Spent { get; private set; } = new([], null, null);

    /// <summary>Sentences that are to be told of the work.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Exceptions from that.</summary>
    public IReadOnlyList<RecipeRule> Rules { get; init; } = [];

    /// <summary>Matrices that no rule fits and that stay as the checkpoint holds them; null for none.</summary>
    public KeptMatrices? Kept { get; init; }

    /// <summary>Weights that the checkpoint holds as codes and the package as others, after the work.</summary>
    public IReadOnlyList<string> Requantized { get; private set; } = [];

    /// <summary>Tells whether the checkpoint holds a tensor as codes.</summary>
    public Func<string, bool> IsQuantized { get; init; } = _ => false;

    /// <summary>Tells whether 8-bit weights multiply inputs as they are.</summary>
    public bool ExactActivations { get; init; }

    /// <summary>Runs the graph; null where nothing can.</summary>
    public ICalibration? Calibration { get; init; }

    public IProgress<ExportProgress>? Progress { get; init; }

    /// <summary>Quantizes.</summary>
    /// <param name="file">The data file, which is written and closed.</param>
    /// <param name="dataFile">Its name, by which the graph file finds it.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public Graph Write(Stream file, string dataFile, CancellationToken cancellationToken)
    {
        var plan = QuantizationPlan.Make(
            GraphMatrices.Find(Graph, Exact), Format, Rules,
            isFree: IsFree && Calibration is not null, Kept);
        using GraphTensors tensors = new(Folder);

        // Before statistics are taken, which with the logits of this would be too much memory at once.
        var losses = Losses(SensitivityPlan.FreeOf(plan), tensors, cancellationToken);
        var statistics = Observe(plan, losses.Count > 0 ? Measured : 0, cancellationToken);
        var total = plan.Sum(planned => (long)planned.Matrix.Rows * planned.Matrix.Columns);
        var start = statistics is null ? 0 : Calibrated;
        MatrixInputs Seen(GraphMatrix matrix) => statistics?.Of(matrix) ?? MatrixInputs.None;
        var scales = ActivationScales.Choose(ScaleFolds.Find(Graph), plan, Seen, tensors, cancellationToken);
        Spent = SensitivityPlan.Make(
            plan, BitsPerWeight, matrix => InputsOf(matrix).All, tensors, losses, cancellationToken);
        Spent = SensitivityGraph.HasLogits(Graph) ? Spent : Spent with { Loss = null };
        using ExternalDataWriter data = new(file, dataFile);
        WeightWriter writer = new(
            new Graph(Graph.Name), data, Source, total, IsQuantized,
            Progress is null ? null : new Part(Progress, start), cancellationToken);
        var graph = QuantizedGraph.Write(Graph, tensors, Spent.Plan, InputsOf, writer, ExactActivations, Kept);
        Requantized = writer.Requantized;
        Warnings = [.. _told, .. writer.Warnings()];
        return graph;

        MatrixInputs InputsOf(GraphMatrix matrix) => scales.Of(matrix, Seen(matrix));
    }

    // Without logits, all weights count alike.
    private IReadOnlyList<double> Losses(
        PlannedMatrix[] free, GraphTensors tensors, CancellationToken cancellationToken) =>
        free.Length > 0 && SensitivityGraph.HasLogits(Graph)
            ? Calibration!.MeasureDivergence(
                SensitivityGraph.Make(
                    Graph, Folder, free, tensors, Source,
                    Progress is null ? null : new Stages(Progress, 0, Measured), cancellationToken),
                cancellationToken)
            : [.. free.Select(planned => (double)planned.Matrix.Rows * planned.Matrix.Columns)];

    private StatisticsGraph? Observe(
        IReadOnlyList<PlannedMatrix> plan, double start, CancellationToken cancellationToken)
    {
        if (StatisticsGraph.Make(Graph, plan) is not { } statistics)
        {
            return null;
        }

        if (Calibration is null)
        {
            var method = plan.First(planned => planned.Needs != StatisticsNeed.None).Format.Method;
            throw new ArgumentException(
                $"The method '{method}' must see what the model computes. Set Calibration, or use 'slipway export "
                + $"--method {method}'; '{QuantizationMethods.Default.Name}' needs no text.");
        }

        using MemoryStream file = new();
        OnnxFile.Write(new OnnxModel(statistics.Graph), file);
        InputSum[] sums = [.. statistics.Sums];
        Calibration.Run(
            new CalibrationRun(
                Folder, file.ToArray(), [.. sums.Select(sum => sum.Output)],
                (output, values, tokens) => sums[output].Observe(values, tokens), Source,
                Progress is null ? null : new Stages(Progress, start, Calibrated))
            {
                Tell = _told.Add,
            },
            cancellationToken);
        return statistics;
    }

    private const int Units = 1 << 20;

    private sealed class Stages(IProgress<ExportProgress> progress, double start, double end)
        : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => progress.Report(new ExportProgress(
            value.Stage, (long)((start + ((end - start) * value.Done)) * Units), Units));
    }

    private sealed class Part(IProgress<ExportProgress> progress, double start) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => progress.Report(new ExportProgress(
            value.Tensor, (long)((start + ((1 - start) * value.Done / value.Total)) * Units), Units));
    }
}
