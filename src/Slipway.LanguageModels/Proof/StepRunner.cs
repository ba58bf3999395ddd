using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Shapes;

namespace Slipway.LanguageModels.Proof;

/// <summary>Runs a graph of steps as the engine does: over slots of caches, written in place.</summary>
internal sealed unsafe class StepRunner : IDisposable
{
    private readonly InferenceSession _session;
    private readonly IReadOnlyList<CacheEntry> _caches;
    private readonly nint[] _buffers;
    private readonly int _capacity;
    private readonly int _vocabulary;

    public StepRunner(InferenceSession session, StepGraph steps, int slots, int capacity, int vocabulary)
    {
        (_session, _caches, _capacity, _vocabulary) = (session, steps.Kept, capacity, vocabulary);

        // What a slot holds beyond its end must not matter: it is no zeros.
        _buffers = [.. _caches.Select(cache =>
        {
            var count = slots * cache.Heads * capacity * cache.Size;
            var buffer = (nint)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)), 64);
            new Span<float>((void*)buffer, checked((int)count)).Fill(1);
            return buffer;
        })];
    }

    /// <summary>Runs tokens of consecutive slots.</summary>
    /// <param name="first">The first slot.</param>
    /// <param name="lengths">Tokens that each slot has after the run.</param>
    /// <param name="ids">The new tokens of each slot, as many for each.</param>
    /// <param name="kept">How many of the last positions get logits; 0 for all.</param>
    /// <returns>[slots · positions · vocabulary].</returns>
    public float[] Run(int first, int[] lengths, long[] ids, int kept = 0)
    {
        var slots = lengths.Length;
        var tokens = ids.Length / slots;
        var width = Math.Min(lengths.Max() + 3, _capacity);
        var positions = kept == 0 ? tokens : kept;
        var mask = new long[slots * width];
        for (var slot = 0; slot < slots; slot++)
        {
            mask.AsSpan(slot * width, lengths[slot]).Fill(1);
        }

        List<OrtValue> values = [];
        OrtValue Keep(OrtValue value)
        {
            values.Add(value);
            return value;
        }

        try
        {
            using var binding = _session.CreateIoBinding();
            binding.BindInput("input_ids", Keep(Numbers.Of(ids, slots, tokens).ToOrt()));
            binding.BindInput("attention_mask", Keep(Numbers.Of(mask, slots, width).ToOrt()));
            binding.BindInput("logits_to_keep", Keep(Numbers.Of([kept], 1).ToOrt()));
            for (var index = 0; index < _caches.Count; index++)
            {
                var cache = _caches[index];
                var bytes = cache.Heads * _capacity * cache.Size * sizeof(float);
                var view = Keep(OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, TensorElementType.Float,
                    [slots, cache.Heads, _capacity, cache.Size], _buffers[index] + (nint)(first * bytes),
                    slots * bytes));
                binding.BindInput(cache.Past, view);
                binding.BindOutput(cache.Present, view);
            }

            var logits = new float[slots * positions * _vocabulary];
            var result = Keep(OrtValue.CreateAllocatedTensorValue(
                OrtAllocator.DefaultInstance, TensorElementType.Float, [slots, positions, _vocabulary]));
            binding.BindOutput("logits", result);
            using RunOptions options = new();
            _session.RunWithBinding(options, binding);
            result.GetTensorDataAsSpan<float>().CopyTo(logits);
            return logits;
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers)
        {
            NativeMemory.AlignedFree((void*)buffer);
        }
    }
}
