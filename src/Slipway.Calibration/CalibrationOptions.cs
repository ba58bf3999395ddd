namespace Slipway.Calibration;

/// <summary>Says over which texts a model is calibrated.</summary>
public sealed record CalibrationOptions
{
    /// <summary>A text in the model's tokenizer's terms; null for texts that the model itself samples.</summary>
    public string? Text { get; init; }

    /// <summary>The maximum of texts, or of parts of <see cref="Text"/>.</summary>
    /// <value>256</value>
    public int Texts { get; init; } = 256;

    /// <summary>Tokens of each text.</summary>
    /// <value>128, or the model's context where that is shorter.</value>
    public int TokensPerText { get; init; } = 128;

    /// <summary>Seed of sampled texts.</summary>
    /// <value>1</value>
    public int Seed { get; init; } = 1;

    /// <summary>
    /// The folder that keeps sampled texts for the next time; null for one beside the model, or in the user's cache
    /// where that cannot be written.
    /// </summary>
    public string? CacheFolder { get; init; }
}
