namespace Slipway.Export.Quantization;

/// <summary>Refuses options of quantization that would decide nothing.</summary>
internal static class QuantizationOptions
{
    /// <summary>The block size that options have unless told.</summary>
    public const int DefaultBlockSize = 32;

    // Of a package of numbers: its rules have methods of their own for 8 bits.
    private const int RuleBits = 4;

    private const string Codes = "int8, int4 and int2";

    /// <summary>Requires that the options decide something together.</summary>
    /// <param name="precision">The precision of all matrices that no rule fits.</param>
    /// <param name="method">The method; null where none is named.</param>
    /// <param name="blockSize">Weights that share a scale.</param>
    /// <param name="recipe">The rules.</param>
    /// <exception cref="ArgumentException">One decides nothing, or is not known.</exception>
    public static void Require(
        Precision precision, string? method, int blockSize, IReadOnlyList<RecipeRule> recipe)
    {
        var known = method is null ? null : QuantizationMethods.Find(method);
        var format = new MatrixFormat(precision);
        MatrixFormat[] codes =
        [
            .. recipe.Select(rule => rule.Format).Prepend(format).Where(stored => stored.BitsOf() is not null),
        ];
        foreach (var stored in codes.Where(stored => stored.Method is null || stored.BlockSize is null))
        {
            WeightQuantizer.Check(
                new BlockLayout(1, stored.BitsOf()!.Value, stored.BlockSize ?? blockSize),
                stored.Method is null ? known : QuantizationMethods.Find(stored.Method));
        }

        if (known is not null && codes.All(stored => stored.Method is not null))
        {
            throw new ArgumentException(
                $"The method '{known.Name}' chooses codes of {Codes}, and {Reason("names no method of its own")}. "
                + "Name one of these precisions, or leave Method ('--method') out.", nameof(method));
        }

        if (blockSize != DefaultBlockSize && codes.All(stored => stored.BlockSize is not null))
        {
            throw new ArgumentException(
                $"Blocks of {blockSize} share scales of {Codes}, and {Reason("names no block size of its own")}. Name "
                + "one of these precisions, or leave BlockSize ('--block-size') out.", nameof(blockSize));
        }

        string Reason(string own) => recipe.Count == 0
            ? $"the precision is '{Precisions.NameOf(precision)}'"
            : $"the precision is '{Precisions.NameOf(precision)}' and no rule of the recipe asks for one and {own}";
    }

    /// <summary>
    /// The way to store matrices that no rule fits; its method and block size are also those of rules without.
    /// </summary>
    /// <param name="precision">Their precision.</param>
    /// <param name="method">The method; null where none is named.</param>
    /// <param name="blockSize">Weights that share a scale.</param>
    /// <param name="isCalibrated">Whether statistics of inputs can be taken.</param>
    public static MatrixFormat FormatOf(Precision precision, string? method, int blockSize, bool isCalibrated) => new(
        precision,
        QuantizationMethods.Choose(method, new MatrixFormat(precision).BitsOf() ?? RuleBits, isCalibrated).Name,
        blockSize);

    /// <summary>Tells whether a calibration is run: a method reads inputs, or what matrices lose decides.</summary>
    /// <param name="precision">The precision of all matrices that no rule fits.</param>
    /// <param name="method">The method; null where none is named.</param>
    /// <param name="recipe">The rules.</param>
    public static bool ReadsCalibration(Precision precision, string? method, IReadOnlyList<RecipeRule> recipe) =>
        recipe.Select(rule => rule.Format).Prepend(new MatrixFormat(precision))
            .Any(stored => stored.BitsOf() is { } bits
                && QuantizationMethods.Choose(stored.Method ?? method, bits, isCalibrated: true).Needs
                    != StatisticsNeed.None);

    /// <summary>Requires that a calibration text is read.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static void RequireRead(Precision precision, string? method, IReadOnlyList<RecipeRule> recipe)
    {
        if (!ReadsCalibration(precision, method, recipe))
        {
            var chosen = new MatrixFormat(precision).BitsOf() is { } bits
                ? $"the method '{QuantizationMethods.Choose(method, bits, isCalibrated: true).Name}' reads none"
                : $"numbers of '{Precisions.NameOf(precision)}' are not chosen";
            throw new ArgumentException(
                $"The calibration text decides nothing: {chosen}. Name a method that reads one, such as "
                + $"'{QuantizationMethods.Calibrated.Name}' with int4, or leave Calibration ('--calibration') out.",
                nameof(method));
        }
    }
}
