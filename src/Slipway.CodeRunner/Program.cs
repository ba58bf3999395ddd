using Slipway.CodeRunner;
using Slipway.CodeRunner.Confinement;

// confine SECONDS ADDRESS_SPACE DATA PROGRAM ARGUMENTS…: becomes the program, with less that it may do.
// csharp FILE: runs a C# script in this process.
return args switch
{
    ["confine", var seconds, var addressSpace, var data, .. { Length: > 0 } command] =>
        ConfinedProgram.Become(new ResourceLimits(
            ulong.Parse(seconds), ulong.Parse(addressSpace), ulong.Parse(data)), command),
    ["csharp", var file] => await ScriptProgram.RunAsync(file).ConfigureAwait(false),
    _ => throw new ArgumentException(
        "This program runs other ones for 'slipway eval task --task code=FILE'; it is not called by hand."),
};
