namespace LoraSharp.Training;

/// <summary>Sets the flags that the options ask for: transformers' DefaultFlowCallback.</summary>
internal sealed class DefaultFlow : TrainerCallback
{
    public override void OnStepEnd(TrainerContext context)
    {
        (TrainingOptions options, TrainerState state, TrainerControl control) = (context.Options, context.State, context.Control);
        int step = state.GlobalStep;
        control.ShouldLog |= (step == 1 && options.LoggingFirstStep) || (options.LoggingStrategy == StepStrategy.Steps && step % options.LoggingSteps == 0);
        control.ShouldEvaluate |= options.EvalStrategy == StepStrategy.Steps && step % options.ResolvedEvalSteps == 0 && step >= options.EvalDelay;
        control.ShouldSave |= options.SaveStrategy == StepStrategy.Steps && step % options.SaveSteps == 0;
        if (step >= state.MaxSteps)
        {
            control.ShouldTrainingStop = true;
            control.ShouldEvaluate |= options.EvalStrategy == StepStrategy.Steps;
            control.ShouldSave |= options.SaveStrategy == StepStrategy.Steps;
        }
    }

    public override void OnEpochEnd(TrainerContext context)
    {
        (TrainingOptions options, TrainerControl control) = (context.Options, context.Control);
        control.ShouldLog |= options.LoggingStrategy == StepStrategy.Epoch;
        control.ShouldEvaluate |= options.EvalStrategy == StepStrategy.Epoch && context.State.Epoch >= options.EvalDelay;
        control.ShouldSave |= options.SaveStrategy == StepStrategy.Epoch;
    }
}
