using Microsoft.ML.OnnxRuntimeGenAI;

namespace Slipway.GenAI;

/// <summary>Holds a sequence and the generator that computes it.</summary>
internal sealed class GeneratorSlot : IDisposable
{
    private GeneratorParams? _parameters;
    private int _capacity;

    /// <summary>The generator; null before the first run.</summary>
    public Generator? Generator { get; private set; }

    /// <summary>The sequence that the slot stands for.</summary>
    public List<int> Tokens { get; } = [];

    /// <summary>The tokens whose keys and values the generator holds.</summary>
    public List<int> Held { get; } = [];

    /// <summary>Tells whether the last run gave the logits of all its tokens.</summary>
    public bool GivesAllLogits { get; set; }

    /// <summary>Makes a generator hold tokens of the sequence alone, from the first on.</summary>
    /// <param name="model">The model.</param>
    /// <param name="capacity">Tokens to have room for.</param>
    /// <param name="end">The first token that is to be computed in any case; those before may be held.</param>
    public Generator Prepare(Model model, int capacity, int end)
    {
        if (Generator is null || _capacity < Tokens.Count)
        {
            Drop();
            _parameters = new GeneratorParams(model);
            _parameters.SetSearchOption("max_length", capacity);
            _parameters.SetSearchOption("batch_size", 1);
            Generator = new Generator(model, _parameters);
            _capacity = capacity;
        }

        var common = 0;
        while (common < Math.Min(Held.Count, end) && Held[common] == Tokens[common])
        {
            common++;
        }

        if (common < Held.Count)
        {
            Generator.RewindTo((ulong)common);
            Held.RemoveRange(common, Held.Count - common);
        }

        return Generator;
    }

    /// <summary>Frees the generator; the next run makes another.</summary>
    public void Drop()
    {
        Generator?.Dispose();
        _parameters?.Dispose();
        (Generator, _parameters) = (null, null);
        Held.Clear();
    }

    public void Dispose() => Drop();
}
