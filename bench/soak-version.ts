/** How an answer of the soak's server says under which policy it was decided. */

export const VERSION_HEADER = 'x-policy'
