namespace Slipway.Export;

/// <summary>Runs a float model over a calibration text, for methods that must know the inputs of matrices.</summary>
/// <remarks>
/// This library computes nothing with models; <c>Slipway.Calibration</c> has an implementation by ONNX Runtime.
/// </remarks>
public interface ICalibration
{
    /// <summary>Tells whether a text was given; models make their own otherwise.</summary>
    bool HasText { get; }

    /// <summary>Runs a graph over the whole text and shows what it gives.</summary>
    /// <param name="run">The graph and what to do with its outputs.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    void Run(CalibrationRun run, CancellationToken cancellationToken);

    /// <summary>Measures over some of the text how far logits move where one constant is replaced.</summary>
    /// <param name="run">The graph and the replacements.</param>
    /// <param name="cancellationToken">Stops between two of them.</param>
    /// <returns>
    /// For each constant the mean Kullback-Leibler divergence of the next token's distribution from that of the graph
    /// as it is, nats a token.
    /// </returns>
    IReadOnlyList<double> MeasureDivergence(DivergenceRun run, CancellationToken cancellationToken);
}

/// <summary>A graph some of whose constants are replaced, one at a time.</summary>
/// <param name="Folder">The float model's package folder, which holds the graph's constants.</param>
/// <param name="Graph">
/// The graph as an <c>.onnx</c> file: the decoder's inputs, <paramref name="Constants"/> as inputs with their values as
/// defaults, and <c>logits</c> as the output.
/// </param>
/// <param name="Constants">The constants.</param>
/// <param name="Replace">Fills in the elements that take a constant's place.</param>
/// <param name="Source">The checkpoint or package that the model was made from.</param>
/// <param name="Progress">Told what is done, a part of 1 and some words; null for nobody.</param>
public sealed record DivergenceRun(
    string Folder, ReadOnlyMemory<byte> Graph, IReadOnlyList<string> Constants, ConstantReplacement Replace,
    string Source, IProgress<CalibrationProgress>? Progress = null);

/// <summary>Fills in what takes the place of a constant.</summary>
/// <param name="constant">The constant's index.</param>
/// <param name="values">Receives its elements, in the constant's order.</param>
public delegate void ConstantReplacement(int constant, Span<float> values);

/// <summary>A graph to be run over a calibration text.</summary>
/// <param name="Folder">The float model's package folder, which holds the graph's constants.</param>
/// <param name="Graph">
/// The graph as an <c>.onnx</c> file: the model's inputs, and <paramref name="Outputs"/> in place of its outputs.
/// </param>
/// <param name="Outputs">
/// Outputs that hold sums over all tokens of a run but the first of each row, added to the input of the name that <see
/// cref="BeforeOf"/> gives, of the same shape: zeros in the first run, then the sums of the run before. Both may be one
/// buffer.
/// </param>
/// <param name="Observe">
/// Takes the index of an output, its elements after the last run, and how many tokens they are summed over; called once
/// for each output, on one thread at a time.
/// </param>
/// <param name="Source">The checkpoint or package that the model was made from.</param>
/// <param name="Progress">Told what is done, a part of 1 and some words; null for nobody.</param>
public sealed record CalibrationRun(
    string Folder, ReadOnlyMemory<byte> Graph, IReadOnlyList<string> Outputs, CalibrationObserver Observe,
    string Source, IProgress<CalibrationProgress>? Progress = null)
{
    /// <summary>Takes a sentence for the user; null for nobody.</summary>
    public Action<string>? Tell { get; init; }

    /// <summary>Returns the name of the input that an output's sums are added to.</summary>
    public static string BeforeOf(string output) => $"{output}/before";
}

/// <summary>Takes sums over the calibration text.</summary>
/// <param name="output">The output's index.</param>
/// <param name="sums">Its elements.</param>
/// <param name="tokens">Tokens that they are summed over.</param>
public delegate void CalibrationObserver(int output, ReadOnlySpan<float> sums, long tokens);

/// <summary>Progress of a calibration.</summary>
/// <param name="Stage">What is being done, such as <c>sample</c> or <c>observe</c>.</param>
/// <param name="Done">The part of the stage that is done, 0 to 1.</param>
public readonly record struct CalibrationProgress(string Stage, double Done);
