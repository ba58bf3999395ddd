using System.Reflection;
using System.Reflection.Emit;

namespace Slipway.Tracing.Interception;

/// <summary>Kinds of what stands on the evaluation stack.</summary>
internal enum StackKind
{
    /// <summary>An object, a reference, a structure or an address.</summary>
    Other,

    /// <summary>An integer of 32 bits, a shorter one, or a truth value.</summary>
    Int32,

    /// <summary>An integer of 64 bits.</summary>
    Int64,

    /// <summary>A real number of 32 bits.</summary>
    Single,

    /// <summary>A real number of 64 bits.</summary>
    Double,
}

/// <summary>Follows the kinds on the evaluation stack of a method, instruction by instruction.</summary>
/// <remarks>
/// One pass suffices: behind an instruction that does not go on, the stack is what an earlier branch left, or empty
/// (ECMA-335, III.1.7.5).
/// </remarks>
internal sealed class StackKinds
{
    private readonly MethodBase _method;
    private readonly MethodBody _body;
    private readonly byte[] _code;
    private readonly GenericScope _scope;
    private readonly Dictionary<int, StackKind[]> _expected = [];
    private readonly Type[] _arguments;
    private List<StackKind> _stack = [];

    public StackKinds(MethodBase method, MethodBody body, byte[] code, GenericScope scope)
    {
        (_method, _body, _code, _scope) = (method, body, code, scope);
        Type[] self = method.IsStatic ? [] : [typeof(object)];
        _arguments = [.. self, .. method.GetParameters().Select(parameter => parameter.ParameterType)];
        foreach (var clause in body.ExceptionHandlingClauses)
        {
            _expected[clause.HandlerOffset] = clause.Flags is ExceptionHandlingClauseOptions.Clause
                or ExceptionHandlingClauseOptions.Filter ? [StackKind.Other] : [];
            if (clause.Flags == ExceptionHandlingClauseOptions.Filter)
            {
                _expected[clause.FilterOffset] = [StackKind.Other];
            }
        }
    }

    /// <summary>Moves over the next instruction.</summary>
    /// <returns>The kinds below the top and at the top before it.</returns>
    public (StackKind Below, StackKind Top) Next(Instruction instruction)
    {
        if (_expected.TryGetValue(instruction.Offset, out var expected))
        {
            _stack = [.. expected];
        }

        var kinds = (Peek(1), Peek(0));
        Apply(instruction);
        return kinds;
    }

    /// <summary>The kind of a type's values on the stack.</summary>
    public static StackKind Of(Type type)
    {
        if (type.IsEnum)
        {
            type = Enum.GetUnderlyingType(type);
        }

        return Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean or TypeCode.Char or TypeCode.SByte or TypeCode.Byte or TypeCode.Int16 or TypeCode.UInt16
                or TypeCode.Int32 or TypeCode.UInt32 => StackKind.Int32,
            TypeCode.Int64 or TypeCode.UInt64 => StackKind.Int64,
            TypeCode.Single => StackKind.Single,
            TypeCode.Double => StackKind.Double,
            _ => StackKind.Other,
        };
    }

    private StackKind Peek(int depth) => depth < _stack.Count ? _stack[^(depth + 1)] : StackKind.Other;

    private void Apply(Instruction instruction)
    {
        var code = instruction.Code;
        var pushed = Pushed(instruction).ToArray();
        Pop(Math.Min(_stack.Count, Popped(instruction)));
        _stack.AddRange(pushed);
        foreach (var target in IntermediateCode.Targets(instruction, _code))
        {
            _expected.TryAdd(target, code.FlowControl == FlowControl.Branch && IsLeave(code) ? [] : [.. _stack]);
        }

        if (code.FlowControl is FlowControl.Branch or FlowControl.Return or FlowControl.Throw)
        {
            _stack = [];
        }
    }

    private static bool IsLeave(OpCode code) => code == OpCodes.Leave || code == OpCodes.Leave_S;

    private void Pop(int count) => _stack.RemoveRange(_stack.Count - count, count);

    private int Popped(Instruction instruction)
    {
        if (instruction.Code == OpCodes.Ret)
        {
            return _stack.Count;
        }

        return instruction.Code.StackBehaviourPop switch
        {
            StackBehaviour.Pop0 => 0,
            StackBehaviour.Pop1 or StackBehaviour.Popi or StackBehaviour.Popref => 1,
            StackBehaviour.Popi_popi_popi or StackBehaviour.Popref_popi_popi or StackBehaviour.Popref_popi_popi8
                or StackBehaviour.Popref_popi_popr4 or StackBehaviour.Popref_popi_popr8
                or StackBehaviour.Popref_popi_popref or StackBehaviour.Popref_popi_pop1 => 3,
            StackBehaviour.Varpop => Parameters(Callee(instruction), instruction.Code),
            _ => 2,
        };
    }

    private IEnumerable<StackKind> Pushed(Instruction instruction)
    {
        var code = instruction.Code;
        switch (code.StackBehaviourPush)
        {
            case StackBehaviour.Push0:
                return [];
            case StackBehaviour.Push1_push1:
                return [Peek(0), Peek(0)];
            case StackBehaviour.Pushi8:
                return [StackKind.Int64];
            case StackBehaviour.Pushr4:
                return [StackKind.Single];
            case StackBehaviour.Pushr8:
                return [StackKind.Double];
            case StackBehaviour.Varpush:
                var result = Callee(instruction) is MethodInfo { ReturnType: var type } ? type : typeof(void);
                return result == typeof(void) ? [] : [Of(result)];
            case StackBehaviour.Pushi:
                return [IsAddress(code) ? StackKind.Other : StackKind.Int32];
            case StackBehaviour.Push1:
                return [Value(instruction)];
            default:
                return [StackKind.Other];
        }
    }

    private MethodBase Callee(Instruction instruction)
        => _scope.Method(BitConverter.ToInt32(_code, instruction.Operand));

    private static int Parameters(MethodBase callee, OpCode code)
        => callee.GetParameters().Length + (callee.IsStatic || code == OpCodes.Newobj ? 0 : 1);

    private static bool IsAddress(OpCode code)
        => code == OpCodes.Ldlen || code == OpCodes.Conv_I || code == OpCodes.Conv_U || code == OpCodes.Ldind_I
            || code == OpCodes.Ldelem_I || code == OpCodes.Localloc || code == OpCodes.Ldtoken || code == OpCodes.Unbox
            || code == OpCodes.Conv_Ovf_I || code == OpCodes.Conv_Ovf_I_Un || code == OpCodes.Conv_Ovf_U
            || code == OpCodes.Conv_Ovf_U_Un || code.Name!.Contains("ftn", StringComparison.Ordinal)
            || code.Name.EndsWith('a') || code.Name.EndsWith("a.s", StringComparison.Ordinal);

    // What loads a value pushes its type; what computes pushes the type of its operands.
    private StackKind Value(Instruction instruction)
    {
        var (code, operand) = (instruction.Code, instruction.Operand);
        return code.OperandType switch
        {
            OperandType.InlineField => Of(_scope.Field(BitConverter.ToInt32(_code, operand)).FieldType),
            OperandType.InlineType => Of(_scope.Type(BitConverter.ToInt32(_code, operand))),
            OperandType.ShortInlineVar => Variable(code, _code[operand]),
            OperandType.InlineVar => Variable(code, BitConverter.ToUInt16(_code, operand)),
            _ when code.Name![..^1] is "ldloc." or "ldarg." => Variable(code, code.Name[^1] - '0'),
            _ when Popped(instruction) == 1 => Peek(0),
            _ => Wider(Peek(1), Peek(0), code),
        };
    }

    private StackKind Variable(OpCode code, int index)
        => code.Name!.StartsWith("ldloc", StringComparison.Ordinal) ? Of(_body.LocalVariables[index].LocalType)
            : _method.IsStatic || index > 0 ? Of(_arguments[index]) : StackKind.Other;

    private static StackKind Wider(StackKind left, StackKind right, OpCode code)
        => code.Name!.StartsWith("sh", StringComparison.Ordinal) ? left
            : left == StackKind.Other || right == StackKind.Other ? StackKind.Other
            : left > right ? left : right;
}
