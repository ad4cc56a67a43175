using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

internal sealed class ForStatement(
    AssignmentTarget target, Expression iterable, Expression? test, bool isRecursive, IReadOnlyList<Statement> body, IReadOnlyList<Statement> otherwise, int line)
    : Statement(line)
{
    public AssignmentTarget Target { get; } = target;

    public Expression Iterable { get; } = iterable;

    public Expression? Test { get; } = test;

    public bool IsRecursive { get; } = isRecursive;

    public IReadOnlyList<Statement> Body { get; } = body;

    public IReadOnlyList<Statement> Otherwise { get; } = otherwise;

    public ScopeEntry BodyEntry { get; set; } = ScopeEntry.Empty;

    public ScopeEntry OtherwiseEntry { get; set; } = ScopeEntry.Empty;

    public ScopeEntry TestEntry { get; set; } = ScopeEntry.Empty;

    /// <summary>The test is a function of its own with its own copy of the target.</summary>
    public FunctionLayout? TestLayout { get; set; }

    public AssignmentTarget? TestTarget { get; set; }

    /// <summary>A recursive loop's body is a function of its own, so that each level has its variables.</summary>
    public FunctionLayout? BodyLayout { get; set; }

    /// <summary>Where <c>loop</c> lies, if the body uses it.</summary>
    public VariableReference? Loop { get; set; }

    public override IEnumerable<Node> Children => [Target, Iterable, .. Body, .. Otherwise, .. Test is null ? Array.Empty<Node>() : [Test]];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        object? items = Iterable.Evaluate(activation);
        if (!IsRecursive)
        {
            return Run(activation, activation, items, output, 0, null);
        }

        output.AppendValue(RunRecursive(activation, items, 0));
        return Flow.Next;
    }

    private string RunRecursive(Activation outer, object? items, int depth)
    {
        outer.Renderer.EnterCall();
        var own = new Activation(outer.Renderer, BodyLayout!.SlotCount, outer);
        var output = new TemplateOutput(outer.Renderer);
        Run(own, outer, items, output, depth, (inner, innerDepth) => RunRecursive(outer, inner, innerDepth));
        outer.Renderer.LeaveCall();
        return output.ToString();
    }

    private Flow Run(Activation activation, Activation outer, object? items, TemplateOutput output, int depth, Func<object?, int, string>? recurse)
    {
        Renderer renderer = activation.Renderer;
        object? iterated = Test is null ? items : new Generator("generator", Filtered(outer, items));
        // "else" runs unless some pass reached the end of the body.
        bool reachedEnd = false;
        if (Loop is { } loopVariable)
        {
            var loop = new LoopContext(renderer, iterated, depth, recurse);
            while (loop.MoveNext())
            {
                Target.Assign(activation, loop.Current);
                loopVariable.Set(activation, loop);
                if (!Pass(activation, output, ref reachedEnd))
                {
                    break;
                }
            }
        }
        else
        {
            foreach (object? item in Iteration.Of(renderer, iterated))
            {
                Target.Assign(activation, item);
                if (!Pass(activation, output, ref reachedEnd))
                {
                    break;
                }
            }
        }

        if (reachedEnd || Otherwise.Count == 0)
        {
            return Flow.Next;
        }

        // A break in the else branch belongs to the loop around this one.
        OtherwiseEntry.Enter(activation);
        return ExecuteAll(Otherwise, activation, output);
    }

    private bool Pass(Activation activation, TemplateOutput output, ref bool reachedEnd)
    {
        activation.Renderer.Step();
        BodyEntry.Enter(activation);
        Flow flow = ExecuteAll(Body, activation, output);
        reachedEnd |= flow == Flow.Next;
        return flow != Flow.Break;
    }

    private IEnumerable<object?> Filtered(Activation outer, object? items)
    {
        var own = new Activation(outer.Renderer, TestLayout!.SlotCount, outer);
        TestEntry.Enter(own);
        foreach (object? item in Iteration.Of(outer.Renderer, items))
        {
            TestTarget!.Assign(own, item);
            if (Operators.IsTrue(Test!.Evaluate(own)))
            {
                yield return item;
            }
        }
    }
}
