using System.CommandLine;
using Slipway.Calibration;
using Slipway.Export;
using Slipway.Export.Quantization;

namespace Slipway.Cli.Verbs;

/// <summary>The options that say how weights are quantized, for verbs that make packages.</summary>
internal sealed class QuantizationArguments
{
    private readonly Option<string> _precision;
    private readonly Option<string[]> _recipe = new("--recipe")
    {
        Description = "Matrices to store in another way: PATTERN=FORMAT, such as 'lm_head=int8', "
            + "'mlp.down_proj=int4:gptq/64' or 'layers.0=fp16'; or a file of such lines. May be repeated; the first "
            + "that fits a matrix counts.",
    };

    private readonly Option<string?> _method = new("--method")
    {
        Description = "How codes are chosen: "
            + string.Join("; ", QuantizationMethods.All.Select(row => $"{row.Name} ({row.Description})"))
            + $". Unless told {QuantizationMethods.Calibrated.Name}, for int8 {QuantizationMethods.Default.Name}. "
            + string.Join(", ", QuantizationMethods.All.Where(row => row.Needs == StatisticsNeed.None)
                .Select(row => row.Name)) + " need no text.",
    };

    private readonly Option<int> _blockSize = new("--block-size")
    {
        Description = "Weights that share a scale: 16, 32, 64, 128 or 256.",
        DefaultValueFactory = _ => 32,
    };

    private readonly Option<double?> _bits = new("--bits")
    {
        Description = "The most bits a weight takes on average, spent where the model loses most: on minima and on 8 "
            + "bits. Unless told up to 5.2 for int4 and 3.2 for int2, as far as they are worth it.",
        HelpName = "BITS",
    };

    private readonly Option<string?> _calibration = new("--calibration")
    {
        Description = "A text file to calibrate over; without it the model samples texts itself, and keeps them beside "
            + "the source for the next time.",
    };

    private readonly Option<bool> _rotate = new("--rotate")
    {
        Description = "Turn hidden states by orthogonal matrices that weights take up: the same answers, but weights "
            + "spread evenly, which few bits may hold better or worse. For decoders with RMS norms.",
    };

    /// <summary>Creates them.</summary>
    /// <param name="precision">The precision where none is told.</param>
    public QuantizationArguments(string precision)
    {
        _precision = new("--precision")
        {
            Description = $"How weights are stored: {string.Join(", ", Precisions.All)}.",
            DefaultValueFactory = _ => precision,
        };
        _precision.AcceptOnlyFromAmong([.. Precisions.All]);
        _method.AcceptOnlyFromAmong([.. QuantizationMethods.All.Select(row => row.Name)]);
    }

    public void AddTo(Command command)
    {
        command.Add(_precision);
        command.Add(_method);
        command.Add(_blockSize);
        command.Add(_recipe);
        command.Add(_bits);
        command.Add(_calibration);
        command.Add(_rotate);
    }

    /// <summary>Requires that nothing is asked that only a language model can answer.</summary>
    /// <exception cref="UsageException">Something is.</exception>
    public void RequireGraphOptions(ParseResult result, string source) => OptionChecks.RequireNone(
        result, [_bits, _calibration, _rotate], $"is for language models; '{source}' is none.");

    public Precision Precision(ParseResult result) => Precisions.Find(result.GetValue(_precision)!);

    public string? Method(ParseResult result) => result.GetValue(_method);

    public bool Rotate(ParseResult result) => result.GetValue(_rotate);

    public int BlockSize(ParseResult result) => result.GetValue(_blockSize);

    /// <summary>The most bits a weight; null for the default.</summary>
    public double? Bits(ParseResult result) => result.GetValue(_bits);

    /// <summary>The calibration text; null for the model's own.</summary>
    public string? Text(ParseResult result) =>
        result.GetValue(_calibration) is { } file ? File.ReadAllText(file) : null;

    public IReadOnlyList<RecipeRule> Recipe(ParseResult result) =>
    [
        .. (result.GetValue(_recipe) ?? []).SelectMany(entry => File.Exists(entry)
            ? RecipeRule.ParseLines(File.ReadAllText(entry), entry)
            : [RecipeRule.Parse(entry)]),
    ];

    public static ModelCalibration Calibration(string? text) =>
        new ModelCalibration(new CalibrationOptions { Text = text });
}
