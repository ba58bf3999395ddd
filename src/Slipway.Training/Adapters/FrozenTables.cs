using Slipway.Training.Recipes;

namespace Slipway.Training.Adapters;

/// <summary>Lists the values of 4-bit codes that frozen matrices can be held in.</summary>
internal static class FrozenTables
{
    private static readonly (FrozenType Type, float[] Values)[] Rows =
    [
        // Quantiles of the normal distribution, as bitsandbytes has them.
        (FrozenType.Nf4,
        [
            -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
            -0.18477343022823334f, -0.09105003625154495f, 0, 0.07958029955625534f, 0.16093020141124725f,
            0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f,
            0.7229568362236023f, 1,
        ]),

        // An even grid; its lowest code is never used, since the largest magnitude is at 7.
        (FrozenType.Int4, [.. Enumerable.Range(-8, 16).Select(value => value / 7f)]),
    ];

    public static float[] Of(FrozenType type) => Rows.First(row => row.Type == type).Values;
}
