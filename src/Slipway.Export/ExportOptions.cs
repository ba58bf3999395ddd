using Slipway.Checkpoints;
using Slipway.Export.Quantization;

namespace Slipway.Export;

/// <summary>Says what kind of package an export makes.</summary>
public sealed record ExportOptions
{
    /// <summary>Precision of the stored weights.</summary>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>
    /// Method that chooses int4 and int8 values, by its name in the table of methods; null for the default.
    /// </summary>
    /// <remarks>
    /// With null, codes of as many bits or fewer that a checkpoint holds already are kept as they are (of GGUF files
    /// the types Q4_0, Q4_1, Q4_K and Q8_0), and what it holds as numbers stays in half precision, or of a GGUF file is
    /// stored in 8 bits; with a name, everything is quantized anew, and where neither the package nor a rule of
    /// <see cref="Recipe"/> that names no method has codes it is refused. What is quantized is searched without a text
    /// (<c>search</c>), or with <see cref="Calibration"/> over the inputs of each matrix (<c>fitted</c>).
    /// </remarks>
    public string? Method { get; init; }

    /// <summary>Tells whether hidden states, and the values of attention's heads, are turned by orthogonal matrices.
    /// </summary>
    /// <remarks>
    /// Answers stay the same, since weights take the matrices up; but weights are spread evenly, which grids of few
    /// bits may hold better, or worse: measure it. For decoders with RMS norms. Codes are chosen anew.
    /// </remarks>
    public bool Rotate { get; init; }

    /// <summary>Tells whether codes that a checkpoint holds already are quantized anew.</summary>
    public bool Requantize { get; init; }

    /// <summary>Runs the model for methods that must know the inputs of its matrices; null where nothing can.</summary>
    /// <remarks>
    /// The model is then written in single precision first, beside the package, for as long as it takes.
    /// </remarks>
    public ICalibration? Calibration { get; init; }

    /// <summary>Matrices that are stored in another way than <see cref="Precision"/> says; the first rule that fits one
    /// counts.</summary>
    /// <remarks>
    /// Where codes of the checkpoint are kept, they are for all matrices that no rule fits. A rule that fits none, or
    /// none that earlier ones leave, is refused.
    /// </remarks>
    public IReadOnlyList<RecipeRule> Recipe { get; init; } = [];

    /// <summary>
    /// The most bits that a weight takes on average, scales and offsets included, over the matrices whose method
    /// neither <see cref="Method"/> nor a rule of <see cref="Recipe"/> names.
    /// </summary>
    /// <value>null: up to 1.2 more than codes have, 5.2 for int4, as far as they are worth it.</value>
    /// <remarks>
    /// They are spent where the model loses most over the text of <see cref="Calibration"/>, which is needed: on minima
    /// in the place of zero points, and on 8 bits. Unless told, bits are spent that save more than they would save if
    /// all matrices had them: another bit for all weights saves three quarters of the loss.
    /// </remarks>
    public double? BitsPerWeight { get; init; }

    /// <summary>Weights that share a scale in int4 and int8 packages: 16, 32, 64, 128 or 256.</summary>
    public int BlockSize { get; init; } = 32;

    /// <summary>
    /// The longest sequence in tokens that the package allows; null for what the configuration says. Positions beyond
    /// the configuration's are refused.
    /// </summary>
    public int? ContextLength { get; init; }

    /// <summary>Precision of keys and values from step to step.</summary>
    /// <value>
    /// null: <see cref="KeyValuePrecision.Float32"/> in packages of that <see cref="Precision"/>, half precision in
    /// others.
    /// </value>
    /// <remarks>Int8 and int4 codes have one scale for each channel of each head, which is measured.</remarks>
    public KeyValuePrecision? KeyValueCache { get; init; }

    /// <summary>Runs the model and shows its keys and values; needed where they are kept in codes.</summary>
    public KeyValueMeasurement? KeyValueMeasurement { get; init; }

    /// <summary>
    /// Tells whether layers with a window keep keys and values of their last tokens only; true by default.
    /// </summary>
    /// <remarks>
    /// Answers are the same. Set it to false for readers whose caches are as long as the sequence in every layer.
    /// </remarks>
    public bool SlidingWindowCache { get; init; } = true;

    /// <summary>
    /// Devices that the package gets a graph for, by the names of their execution providers: <c>cpu</c>, which every
    /// package has one for, <c>cuda</c> and <c>directml</c>.
    /// </summary>
    /// <value>None but <c>cpu</c>.</value>
    /// <remarks>
    /// GPUs get one in half precision from end to end, keys and values included, over the same codes of weights; what
    /// is in single precision else is stored once more. They keep keys and values of all tokens, so
    /// <see cref="SlidingWindowCache"/> has no effect then. A graph with an operator that a device has no kernel for is
    /// refused. For decoders; other models have one graph for all devices.
    /// </remarks>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>
    /// LoRA adapters that the package holds beside the model, by the names that requests choose them by.
    /// </summary>
    /// <remarks>
    /// The model's own answers stay as they are. They stay the caller's and are read during the export. Ranks may
    /// differ, and rows may be scaled (DoRA); adapters that replace tensors, or change embeddings or biases, are
    /// refused: merge such a one instead.
    /// </remarks>
    public IReadOnlyDictionary<string, LoraAdapter> Adapters { get; init; } = new Dictionary<string, LoraAdapter>();

    /// <summary>
    /// Tells whether the graph takes adapters at every linear layer of a decoder, so that a running model can be given
    /// some that are not known yet (<c>LanguageModel.AddAdapterAsync</c>).
    /// </summary>
    /// <value>false: it takes those of <see cref="Adapters"/> and others of the same layers.</value>
    /// <remarks>
    /// Each such layer has four small operators more, which cost time even where no adapter is in use. Embeddings,
    /// heads that are tied to them, routers and stacked experts take none.
    /// </remarks>
    public bool AdapterInputs { get; init; }

    /// <summary>Tells whether tensors of the checkpoint that the architecture has no place for are refused.</summary>
    /// <value>false: the export leaves them out, and <see cref="ExportReport.UnusedTensors"/> lists them.</value>
    /// <remarks>
    /// Training leaves such tensors beside a model (a value head, layers that predict further tokens), but a
    /// configuration of the wrong sizes does too. Copies of tied heads and stored tables of positions are never
    /// refused.
    /// </remarks>
    public bool Strict { get; init; }

    /// <summary>
    /// Tells whether a package that stands in the target folder is replaced once the new one is complete.
    /// </summary>
    public bool Overwrite { get; init; }
}
