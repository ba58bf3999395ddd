using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Holds the rotary tables of a model's layers; layers with the same parameters share one.</summary>
internal sealed class RotaryTables : IDisposable
{
    private readonly RotaryEmbedding?[] _layers;

    /// <summary>Makes the tables.</summary>
    /// <param name="layers">The number of layers.</param>
    /// <param name="parameters">A layer's parameters; null where it has no rotary positions.</param>
    /// <param name="headDim">The size of a head.</param>
    /// <param name="positions">The longest sequence.</param>
    public RotaryTables(int layers, Func<int, RopeParameters?> parameters, int headDim, int positions)
    {
        var tables = new Dictionary<string, RotaryEmbedding>(StringComparer.Ordinal);
        _layers = new RotaryEmbedding?[layers];
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            if (parameters(layer) is not { } rope)
            {
                continue;
            }

            if (!tables.TryGetValue(rope.Key, out var table))
            {
                table = new RotaryEmbedding(rope, headDim, positions, CPU);
                tables.Add(rope.Key, table);
            }

            _layers[layer] = table;
        }
    }

    public RotaryEmbedding? Of(int layer) => _layers[layer];

    public void Dispose()
    {
        foreach (var table in _layers.OfType<RotaryEmbedding>().Distinct())
        {
            table.Dispose();
        }
    }
}
