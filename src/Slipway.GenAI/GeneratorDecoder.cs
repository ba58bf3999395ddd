using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntimeGenAI;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;

namespace Slipway.GenAI;

/// <summary>Runs a model of ONNX Runtime GenAI, with a generator for each slot.</summary>
/// <remarks>
/// A generator keeps the tokens of the slot's last sequence until others take their place, so a sequence that begins
/// like it computes only what differs. A generator that is lost is made anew and given its tokens once more.
/// </remarks>
/// <param name="model">The model; it stays the caller's.</param>
/// <param name="vocabularySize">Logits of one token.</param>
/// <param name="size">Bytes of a sequence.</param>
internal sealed class GeneratorDecoder(Model model, int vocabularySize, SequenceSize size) : IDecoder
{
    private readonly Lock _lock = new();
    private GeneratorSlot[] _slots = [];
    private float[] _logits = [];
    private Generator? _running;
    private bool _terminates;

    public int Slots => _slots.Length;

    public int Capacity { get; private set; }

    public int MaxPrefillTokens => int.MaxValue;

    public int MaxScoredTokens => (int)Math.Clamp((32L << 20) / (sizeof(float) * (long)vocabularySize), 1, 512);

    public long BytesFor(int slots, int capacity) => checked(slots * size.BytesFor(capacity));

    public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
    {
        foreach (var dropped in _slots.Skip(slots))
        {
            dropped.Dispose();
        }

        var kept = Math.Min(_slots.Length, slots);
        Array.Resize(ref _slots, slots);
        for (var slot = kept; slot < slots; slot++)
        {
            _slots[slot] = new GeneratorSlot();
        }

        Capacity = slots == 0 ? 0 : capacity;
    }

    // The slot's generator comes along, since the other slot is left next.
    public void CopySlot(int from, int to, int length)
    {
        int[] tokens = [.. _slots[from].Tokens];
        (_slots[from], _slots[to]) = (_slots[to], _slots[from]);
        _slots[from].Tokens.Clear();
        _slots[from].Tokens.AddRange(tokens);
        _slots[to].Tokens.RemoveRange(length, _slots[to].Tokens.Count - length);
    }

    public void ReadTokens(int slot, int start, int count, NativeBuffer destination) => throw NoCopies();

    public void WriteTokens(int slot, int start, int count, NativeBuffer source) => throw NoCopies();

    public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
    {
        var kept = run.KeepsAllLogits ? run.Tokens.Length : 1;
        Reserve(kept);
        var logits = _logits.AsSpan(0, kept * vocabularySize);
        Run(_slots[run.Slot], run.Start, run.Tokens, kept, logits);
        return logits;
    }

    public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
    {
        Reserve(run.Tokens.Length);
        for (var slot = 0; slot < run.Tokens.Length; slot++)
        {
            if (run.Tokens[slot] >= 0)
            {
                Run(
                    _slots[slot], run.Lengths[slot], run.Tokens.Slice(slot, 1), 1,
                    _logits.AsSpan(slot * vocabularySize, vocabularySize));
            }
        }

        return _logits.AsSpan(0, run.Tokens.Length * vocabularySize);
    }

    public void Terminate(bool terminate)
    {
        lock (_lock)
        {
            _terminates = terminate;
            _running?.SetRuntimeOption("terminate_session", terminate ? "1" : "0");
        }
    }

    public void Dispose() => Resize(0, 0, []);

    private static NotSupportedException NoCopies()
        => new("ONNX Runtime GenAI lets nobody copy keys and values.");

    private void Reserve(int tokens)
    {
        if (_logits.Length < tokens * vocabularySize)
        {
            _logits = new float[tokens * vocabularySize];
        }
    }

    // Runs tokens after the first ones of a slot's sequence, and gives the logits of the last ones.
    private void Run(GeneratorSlot slot, int start, ReadOnlySpan<int> tokens, int kept, Span<float> destination)
    {
        slot.Tokens.RemoveRange(start, slot.Tokens.Count - start);
        slot.Tokens.AddRange(tokens);
        try
        {
            var generator = slot.Prepare(model, Capacity, slot.Tokens.Count - kept);
            Begin(generator);
            if (kept == 1)
            {
                Append(slot, slot.Tokens.Count, destination);
                return;
            }

            // Graphs may give the last token's logits alone, so the first of those that are wanted is tried by itself.
            for (var index = 0; index < kept;)
            {
                var count = index == 0 || !slot.GivesAllLogits ? 1 : kept - index;
                Append(
                    slot, slot.Held.Count + count,
                    destination.Slice(index * vocabularySize, count * vocabularySize));
                index += count;
            }
        }
        catch (OnnxRuntimeGenAIException exception)
        {
            slot.Drop();
            throw new InvalidOperationException(
                $"ONNX Runtime GenAI failed at token '{start}' of a sequence: {exception.Message} Other requests go "
                + "on; try this one again.",
                exception);
        }
        catch
        {
            // Nobody knows what the generator holds now.
            slot.Drop();
            throw;
        }
        finally
        {
            End();
        }
    }

    private void Begin(Generator generator)
    {
        lock (_lock)
        {
            _running = generator;
            if (_terminates)
            {
                throw new OperationCanceledException();
            }

            // It may have been told to end when its last run had ended already.
            generator.SetRuntimeOption("terminate_session", "0");
        }
    }

    private void End()
    {
        lock (_lock)
        {
            _running = null;
        }
    }

    // Gives the generator the slot's tokens up to an end, and reads the logits of the last of them.
    private void Append(GeneratorSlot slot, int end, Span<float> destination)
    {
        var generator = slot.Generator!;
        var added = slot.Tokens[slot.Held.Count..end].ToArray();
        generator.AppendTokens(added);
        slot.Held.AddRange(added);
        using var logits = generator.GetOutput("logits");
        var given = logits.NumElements() / vocabularySize;
        slot.GivesAllLogits = given == added.Length;
        var first = checked((int)(logits.NumElements() - destination.Length));
        switch (logits.Type())
        {
            case ElementType.float32:
                logits.GetData<float>().Slice(first, destination.Length).CopyTo(destination);
                break;
            case ElementType.float16:
                TensorPrimitives.ConvertToSingle(
                    logits.GetData<Half>().Slice(first, destination.Length), destination);
                break;
            default:
                throw new NotSupportedException(
                    $"The logits have the type '{logits.Type()}'; 'float32' and 'float16' are supported.");
        }
    }
}
