using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Execution;

/// <summary>Holds the small inputs that all runs of a decoder share.</summary>
internal sealed class SharedInputs : IDisposable
{
    private readonly long[] _plannedLength = [0];

    public SharedInputs() => PlannedLengthValue = OrtValue.CreateTensorValueFromMemory(_plannedLength, [1]);

    /// <summary>The value of 'logits_to_keep' that keeps those of all tokens, int64 [1].</summary>
    public OrtValue KeepAll { get; } = OrtValue.CreateTensorValueFromMemory(new long[] { 0 }, [1]);

    /// <summary>The value of 'logits_to_keep' that keeps those of the last token, int64 [1].</summary>
    public OrtValue KeepLast { get; } = OrtValue.CreateTensorValueFromMemory(new long[] { 1 }, [1]);

    /// <summary>The value of 'planned_length', int64 [1].</summary>
    public OrtValue PlannedLengthValue { get; }

    /// <summary>Planned length of the next run's sequence; 0 for as long as its mask says.</summary>
    public long PlannedLength
    {
        set => _plannedLength[0] = value;
    }

    public void Dispose()
    {
        KeepAll.Dispose();
        KeepLast.Dispose();
        PlannedLengthValue.Dispose();
    }
}
