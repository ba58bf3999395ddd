using Slipway.Encoders;

namespace Slipway.Classifiers;

/// <summary>An encoder and what its labels are read by. Safe for concurrent use.</summary>
/// <param name="Encoder">The encoder.</param>
/// <param name="Reader">The reader.</param>
internal sealed record TextLabeler<T>(TextEncoder Encoder, T Reader) : IDisposable
{
    /// <summary>Opens a package.</summary>
    public static TextLabeler<T> Load(
        OnnxEncoderOptions options, EncoderPurpose purpose, Func<TextEncoder, ModelLabels, T> read)
    {
        var encoder = TextEncoder.Load(options, purpose);
        try
        {
            return new(encoder, read(encoder, ModelLabels.Read(encoder.Files, encoder.Shape[^1])));
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    public void Dispose() => Encoder.Dispose();
}
