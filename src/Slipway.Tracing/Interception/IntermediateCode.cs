using System.Reflection;
using System.Reflection.Emit;

namespace Slipway.Tracing.Interception;

/// <summary>One instruction of a method's intermediate language.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Code">The operation.</param>
/// <param name="Operand">The first byte behind the operation.</param>
internal readonly record struct Instruction(int Offset, OpCode Code, int Operand);

/// <summary>Reads the intermediate language of methods.</summary>
internal static class IntermediateCode
{
    private const byte TwoByteCode = 0xFE;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>Lists the instructions, in order.</summary>
    public static IEnumerable<Instruction> Read(byte[] code)
    {
        for (var position = 0; position < code.Length;)
        {
            var start = position;
            short value = code[position++];
            if (value == TwoByteCode)
            {
                value = (short)((TwoByteCode << 8) | code[position++]);
            }

            var operation = Codes[value];
            yield return new Instruction(start, operation, position);
            position += OperandSize(operation, code, position);
        }
    }

    /// <summary>Tells whether a method computes with numbers or compares them.</summary>
    public static bool HasNumbers(MethodBase method)
        => Body(method)?.GetILAsByteArray() is { } code
            && Read(code).Any(instruction => Recording.NumberOperations.Of(instruction.Code) is not null);

    /// <summary>Lists the places that an instruction may jump to.</summary>
    public static IEnumerable<int> Targets(Instruction instruction, byte[] code)
    {
        var operand = instruction.Operand;
        switch (instruction.Code.OperandType)
        {
            case OperandType.ShortInlineBrTarget:
                return [operand + sizeof(byte) + (sbyte)code[operand]];
            case OperandType.InlineBrTarget:
                return [operand + sizeof(int) + BitConverter.ToInt32(code, operand)];
            case OperandType.InlineSwitch:
                var count = BitConverter.ToInt32(code, operand);
                var end = operand + (sizeof(int) * (1 + count));
                return Enumerable.Range(1, count)
                    .Select(index => end + BitConverter.ToInt32(code, operand + (sizeof(int) * index)));
            default:
                return [];
        }
    }

    /// <summary>Lists the methods that a method calls, as far as they can be resolved.</summary>
    public static IEnumerable<MethodBase> Calls(MethodBase method)
    {
        if (Body(method)?.GetILAsByteArray() is not { } code)
        {
            yield break;
        }

        GenericScope scope = new(method);
        foreach (var instruction in Read(code))
        {
            if (instruction.Code.OperandType == OperandType.InlineMethod
                && scope.TryMethod(BitConverter.ToInt32(code, instruction.Operand)) is { } callee)
            {
                yield return callee;
            }
        }
    }

    /// <summary>The body; null for abstract and native methods.</summary>
    public static MethodBody? Body(MethodBase method)
        => method.IsAbstract || (method.Attributes & MethodAttributes.PinvokeImpl) != 0
            || (method.MethodImplementationFlags & (MethodImplAttributes.InternalCall | MethodImplAttributes.Runtime))
                != 0
            ? null
            : method.GetMethodBody();

    private static int OperandSize(OpCode code, byte[] bytes, int position) => code.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => sizeof(byte),
        OperandType.InlineVar => sizeof(short),
        OperandType.InlineI8 or OperandType.InlineR => sizeof(long),
        OperandType.InlineSwitch => sizeof(int) * (1 + BitConverter.ToInt32(bytes, position)),
        _ => sizeof(int),
    };
}

/// <summary>Resolves the tokens of a method with the type arguments of its declaration.</summary>
internal readonly struct GenericScope
{
    private readonly Module _module;
    private readonly Type[]? _typeArguments;
    private readonly Type[]? _methodArguments;

    public GenericScope(MethodBase method)
    {
        _module = method.Module;
        _typeArguments = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        _methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
    }

    public MethodBase Method(int token) => _module.ResolveMethod(token, _typeArguments, _methodArguments)!;

    public FieldInfo Field(int token) => _module.ResolveField(token, _typeArguments, _methodArguments)!;

    public Type Type(int token) => _module.ResolveType(token, _typeArguments, _methodArguments);

    public MemberInfo Member(int token) => _module.ResolveMember(token, _typeArguments, _methodArguments)!;

    public string Text(int token) => _module.ResolveString(token);

    public MethodBase? TryMethod(int token)
    {
        try
        {
            return Method(token);
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or TypeLoadException
            or MissingMemberException or BadImageFormatException)
        {
            return null;
        }
    }
}
