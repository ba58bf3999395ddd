using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Export.Quantization;

namespace Slipway.LanguageModels;

/// <summary>Says what kind of package a module becomes.</summary>
public sealed record LanguageModelExportOptions
{
    /// <summary>Precision of the stored weights.</summary>
    /// <value><see cref="Precision.Float32"/>.</value>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>Method that chooses quantized values; null for the default, as in
    /// <see cref="ExportOptions.Method"/>.</summary>
    public string? Method { get; init; }

    /// <summary>Weights that share a scale: 16, 32, 64, 128 or 256.</summary>
    /// <value>32.</value>
    public int BlockSize { get; init; } = 32;

    /// <summary>Matrices that are stored in another way; the first rule that fits one counts.</summary>
    public IReadOnlyList<RecipeRule> Recipe { get; init; } = [];

    /// <summary>Runs the model for methods that must know the inputs of its matrices; null where nothing can.</summary>
    public ICalibration? Calibration { get; init; }

    /// <summary>
    /// LoRA adapters that the package holds beside the model, by the names that requests choose them by.
    /// </summary>
    /// <remarks>
    /// Their tensors are named by the paths of the module's linear layers, as PEFT does it:
    /// <c>base_model.model.PATH.lora_A.weight</c>. They stay the caller's and are read during the export, as in
    /// <see cref="ExportOptions.Adapters"/>.
    /// </remarks>
    public IReadOnlyDictionary<string, LoraAdapter> Adapters { get; init; } = new Dictionary<string, LoraAdapter>();

    /// <summary>
    /// Tells whether the graph takes adapters at every linear layer, so that a running model can be given some that
    /// are not known yet.
    /// </summary>
    /// <value>false: it takes those of <see cref="Adapters"/> and others of the same layers.</value>
    public bool AdapterInputs { get; init; }

    /// <summary>
    /// The longest sequence in tokens, prompt and answer together; null for the length of the shortest table that the
    /// module reads by position, and 2,048 where it reads none.
    /// </summary>
    public int? ContextLength { get; init; }

    /// <summary>The chat template, in Jinja; null for the one that lies beside the tokenizer.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The token that ends an answer; null for the tokenizer's <c>eos_token</c>.</summary>
    public string? EndToken { get; init; }

    /// <summary>
    /// The largest difference between the package's logits, in float32, and the module's, relative to their scale.
    /// </summary>
    /// <value>1e-4.</value>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>Tells whether a package that stands in the target folder is replaced.</summary>
    public bool Overwrite { get; init; }
}
