using System.Runtime.InteropServices;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.LanguageModels.Proof;

/// <summary>A module from ids to logits, as it is run to look at it.</summary>
internal sealed class LanguageModule
{
    private readonly ModuleCall _call;
    private readonly ModuleState _state;
    private readonly torch.Device _device;

    /// <summary>Looks at a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="state">Puts back what its runs change.</param>
    /// <exception cref="NotSupportedException">It gives no logits for ids.</exception>
    public LanguageModule(torch.nn.Module module, ModuleState state)
    {
        _state = state;
        Name = module.GetType().Name;
        _device = module.parameters().FirstOrDefault()?.device ?? torch.CPU;
        using var ids = torch.zeros([1, 1], torch.int64);
        try
        {
            _call = new ModuleCall(module, [ids]);
        }
        catch (ArgumentException exception)
        {
            throw new NotSupportedException(
                $"'{Name}' has no 'forward' that takes ids alone. Give a module of your own whose 'forward' takes "
                + "int64 [batch, sequence], calls this one with its other arguments fixed, and returns logits for "
                + "every position.", exception);
        }

        VocabularySize = Look();
    }

    /// <summary>The class of the module.</summary>
    public string Name { get; }

    /// <summary>The last axis of the logits.</summary>
    public int VocabularySize { get; }

    /// <summary>The place of the logits among the tensors that the module returns.</summary>
    public int Output { get; private set; }

    /// <summary>Reason that the module gave when it last did not run at a length.</summary>
    public string Rejection { get; private set; } = "";

    /// <summary>Tells whether the module runs at a length.</summary>
    public bool Runs(int length)
    {
        try
        {
            _ = Logits(new long[length], 1);
            return true;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            Rejection = TorchMessage.Of(exception).TrimEnd('.');
            return false;
        }
    }

    /// <summary>Runs the module.</summary>
    /// <param name="ids">[rows · length].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="last">How many of the last positions are wanted; 0 for all.</param>
    /// <returns>[rows · positions · vocabulary].</returns>
    public float[] Logits(long[] ids, int rows, int last = 0)
    {
        using var scope = torch.NewDisposeScope();
        var logits = Run(ids, rows)[Output];
        logits = (last == 0 ? logits : logits.narrow(1, logits.shape[1] - last, last)).cpu().contiguous();
        return MemoryMarshal.Cast<byte, float>(MemoryMarshal.AsBytes(logits.bytes)).ToArray();
    }

    /// <summary>Makes ids of a tensor, as the module takes them.</summary>
    public torch.Tensor Ids(long[] ids, int rows) => torch.tensor(ids, [rows, ids.Length / rows], device: _device);

    private torch.Tensor[] Run(long[] ids, int rows)
    {
        try
        {
            return [.. TensorTree.Flatten(_call.Run([Ids(ids, rows)]))];
        }
        finally
        {
            _ = _state.RestoreFields();
        }
    }

    private int Look()
    {
        const int Rows = 2, Length = 4;
        using var scope = torch.NewDisposeScope();
        torch.Tensor[] outputs;
        try
        {
            outputs = Run(new long[Rows * Length], Rows);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            throw new NotSupportedException(
                $"'{Name}' does not take ids as int64 [{Rows}, {Length}]: {TorchMessage.Of(exception).TrimEnd('.')}. "
                + "Give a module whose 'forward' takes int64 [batch, sequence] and returns logits [batch, sequence, "
                + "vocabulary].", exception);
        }

        Output = Array.FindIndex(outputs, tensor => tensor.shape is [Rows, Length, > 1]);
        if (Output < 0)
        {
            var shapes = string.Join("; ", outputs.Select(tensor => $"[{string.Join(", ", tensor.shape)}]"));
            throw new NotSupportedException(
                $"'{Name}' returns {(outputs.Length == 0 ? "no tensors" : shapes)} for ids [{Rows}, {Length}], and "
                + "logits [batch, sequence, vocabulary] are needed: return them for every position, with the time as "
                + "the second axis.");
        }

        return outputs[Output].dtype == torch.float32 ? (int)outputs[Output].shape[2]
            : throw new NotSupportedException(
                $"'{Name}' computes in '{outputs[Output].dtype}', and packages are made of float32: call "
                + "'module.to(torch.float32)' first, and choose the package's own 'Precision'.");
    }
}
