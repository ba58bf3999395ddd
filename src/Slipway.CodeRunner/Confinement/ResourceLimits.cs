namespace Slipway.CodeRunner.Confinement;

/// <summary>Holds what a program may use.</summary>
/// <param name="Seconds">Seconds of processor time, and of time on the clock with a little more.</param>
/// <param name="AddressSpace">Bytes of address space; 0 for any.</param>
/// <param name="Data">Bytes of memory that it writes to; 0 for any.</param>
internal sealed record ResourceLimits(ulong Seconds, ulong AddressSpace, ulong Data);
