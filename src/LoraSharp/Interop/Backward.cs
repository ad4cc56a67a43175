using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Interop;

/// <summary>
/// What every managed backward pass of this library needs: an exception that left one would kill the process, and the gradients that it returns
/// would stay alive until the caller's dispose scope ends.
/// </summary>
internal static class Backward
{
    [ThreadStatic]
    private static List<Tensor>? _returned;

    [ThreadStatic]
    private static Exception? _failure;

    /// <summary>Runs <c>loss.backward()</c> and rethrows what a managed backward pass trapped.</summary>
    public static void Run(Tensor loss)
    {
        _failure = null;
        loss.backward();
        ReleaseReturned();
        if (_failure is { } failure)
        {
            _failure = null;
            ExceptionDispatchInfo.Capture(failure).Throw();
        }
    }

    /// <summary>The body of a managed backward pass: temporaries are freed at once, exceptions trapped (the gradients are then missing).</summary>
    /// <param name="count">Number of gradients to return.</param>
    /// <param name="gradOutput">The gradient that TorchSharp gave; it would live on in the caller's dispose scope until the end of the whole backward pass.</param>
    /// <param name="compute">Makes the gradients; null where an input needs none.</param>
    public static List<Tensor> Guard(int count, Tensor gradOutput, Func<Tensor?[]> compute)
    {
        // libtorch has taken its own reference to what the previous node returned.
        ReleaseReturned();
        var gradients = new List<Tensor>(count);
        try
        {
            if (_failure is null)
            {
                using var scope = NewDisposeScope();
                foreach (Tensor? gradient in compute())
                {
                    // A gradient that is passed on gets a handle of its own.
                    gradients.Add((ReferenceEquals(gradient, gradOutput) ? gradient.alias() : gradient)?.DetachFromDisposeScope()!);
                }
            }
        }
        catch (Exception e)
        {
            _failure ??= e;
            gradients.Clear();
        }

        gradOutput.Dispose();
        while (gradients.Count < count)
        {
            gradients.Add(null!);
        }

        (_returned ??= []).AddRange(gradients.Where(g => g is not null));
        return gradients;
    }

    private static void ReleaseReturned()
    {
        if (_returned is { Count: > 0 } returned)
        {
            returned.ForEach(tensor => tensor.Dispose());
            returned.Clear();
        }
    }
}
